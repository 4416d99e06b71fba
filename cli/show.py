"""What the person sees: answers, tables and sentences. Without a terminal all of it is plain."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, get_args

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cli.client import Failed, Json
from cli.upload import Ending, Outcome

EXCERPT = 160
# Without a terminal nobody is served by wrapped or cut lines.
_ENDLESS = 100_000
_STYLES = {
    "ready": "green",
    "ok": "green",
    "failed": "red",
    "failing": "red",
    "unfinished": "yellow",
    "deleting": "dim",
    "deleted": "dim",
}


def _console(*, stderr: bool = False) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        width=None if terminal else _ENDLESS,
        markup=False,
        highlight=False,
        emoji=False,
    )


out = _console()
err = _console(stderr=True)


def raw(answer: Any) -> None:
    out.print_json(data=answer)


def failed(error: Failed) -> None:
    line = Text.assemble(("Error: ", "bold red"), _plain(error.message))
    if error.request_id:
        line.append(f" (request {_plain(error.request_id)})", "dim")
    err.print(line)


def progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
    )


def sentence(text: str) -> None:
    out.print(_plain(text))


def outcomes(ended: Sequence[Outcome], *, as_json: bool) -> None:
    if as_json:
        raw({"data": [asdict(one) for one in ended]})
        return
    for one in ended:
        if one.cause:
            because = _plain(f" {one.filename}: {one.cause}")
            out.print(Text.assemble((one.outcome, _STYLES[one.outcome]), because))
    counts = Counter(one.outcome for one in ended)
    out.print(", ".join(f"{counts[name]} {name}" for name in get_args(Ending) if counts[name]))


def answer(body: Json, *, seconds: float) -> None:
    out.print(_marked(body["answer"]))
    out.print()
    out.print(_cited(body) if body["citations"] else Text("No source is cited.", "yellow"))
    out.print()
    out.print(Text(" · ".join(_circumstances(body, seconds)), "dim"))


def documents(listed: Iterable[Json], *, status: str | None) -> None:
    table = _table("filename", "title", "status", "version", "chunks", "updated", "progress")
    for document in listed:
        table.add_row(
            _plain(document["filename"]),
            _plain(document["title"]),
            _status(document["status"]),
            str(document["version"]),
            str(document["chunks"]),
            _when(document["updated_at"]),
            _plain(document["error"] or _progress(document)),
        )
    none = (
        f"No document is {status}."
        if status
        else "There are no documents; `quire upload` brings some."
    )
    out.print(table if table.row_count else none)


def document(one: Json) -> None:
    shown = {
        **one,
        "progress": _progress(one),
        "metadata": ", ".join(f"{name}={value}" for name, value in one["metadata"].items()),
        "created_at": _when(one["created_at"]),
        "updated_at": _when(one["updated_at"]),
    }
    grid = _grid()
    for name, value in shown.items():
        if value not in (None, ""):
            told = _status(value) if name == "status" else _plain(str(value))
            grid.add_row(Text(name, "dim"), told)
    out.print(grid)


def sessions(listed: Iterable[Json]) -> None:
    table = _table("id", "title", "messages", "updated")
    for session in listed:
        table.add_row(
            session["id"],
            _plain(session["title"] or ""),
            str(session["message_count"]),
            _when(session["updated_at"]),
        )
    out.print(table if table.row_count else "There are no sessions; `quire ask` begins one.")


def messages(listed: Iterable[Json]) -> None:
    for message in listed:
        when = _when(message["created_at"])
        out.print(Text.assemble((message["role"], "bold"), (f"  {when}", "dim")))
        out.print(_marked(message["content"]))
        out.print()


def health(readiness: Json) -> None:
    table = _table("check", "state", "ms", "error")
    for name, check in readiness["checks"].items():
        state = _status("ok" if check["ok"] else "failing")
        table.add_row(name, state, str(check["ms"]), _plain(check.get("error") or ""))
    out.print(table)


def _cited(body: Json) -> Table:
    sources = {source["index"]: source for source in body["sources"]}
    first = {citation["index"]: citation for citation in reversed(body["citations"])}
    grid = _grid()
    for index in sorted(first):
        grid.add_row(Text(f"[{index}]", "cyan"), _place(sources[index]))
        grid.add_row("", Text(_excerpt(first[index]["cited_text"]), "dim"))
    return grid


def _place(source: Json) -> str:
    heading = " › ".join(dict.fromkeys((source["title"], *source["heading"])))
    page = f"page {source['page']}" if source.get("page") else None
    return _plain(" · ".join(part for part in (heading, source["filename"], page) if part))


def _circumstances(body: Json, seconds: float) -> list[str]:
    usage = body["usage"]
    tokens = usage["prompt_tokens"] + usage["completion_tokens"] + usage["embedding_tokens"]
    flags = {
        "cached": body["cached"],
        "degraded": body.get("degraded"),
        "not stored": not body["persisted"],
    }
    return [
        f"session {body['session_id']}",
        f"{1000 * seconds:,.0f} ms",
        f"{tokens:,} tokens",
        f"${usage['cost_usd']:.6f}".rstrip("0").rstrip("."),
        *(flag for flag, is_set in flags.items() if is_set),
    ]


def _marked(text: str) -> Text:
    marked = Text(_plain(text))
    marked.highlight_regex(r"\[\d{1,2}\]", "bold cyan")
    return marked


def _excerpt(text: str) -> str:
    line = _plain(" ".join(text.split()))
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + "…"


def _plain(text: str) -> str:
    """Documents may hold what a terminal would obey."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def _status(status: str) -> Text:
    return Text(status, _STYLES.get(status, "yellow"))


def _progress(document: Json) -> str:
    """How far ingestion is, while it is on its way."""
    done, total = document["progress"]["done"], document["progress"]["total"]
    return f"{done}/{total}" if total and document["status"] != "ready" else ""


def _when(time: str) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in ("version", "chunks", "messages", "ms") else "left",
            no_wrap=name not in ("filename", "title", "progress", "error"),
            overflow="fold",
        )
    return table


def _grid() -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid
