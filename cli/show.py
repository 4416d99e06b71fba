"""What the person sees of answers, documents, sessions and the deployment's health."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from rich.table import Table
from rich.text import Text

from cli.client import Json
from cli.terminal import (
    amount,
    aside,
    caused,
    dollars,
    grid,
    out,
    plain,
    raw,
    sentence,
    shortened,
    status,
    table,
    when,
)
from cli.watch import Ending, Outcome

EXCERPT = 160
_NAMED = 5  # of what was left out
IDS = 20
_SHORTEST_NAME = 16
# What a table of documents takes beside filename, title and the two below; and each of those.
_FIXED_WIDTH, _STATUS_WIDTH, _PROGRESS_WIDTH = 39, 6, 10


def outcomes(ended: Sequence[Outcome], *, as_json: bool) -> None:
    if as_json:
        raw({"data": [asdict(one) for one in ended]})
        return
    for one in ended:
        if one.cause:
            caused(one.outcome, one.filename, one.cause)
    counts = Counter(one.outcome for one in ended)
    out.print(", ".join(f"{counts[name]} {name}" for name in get_args(Ending) if counts[name]))


def left_out(paths: Sequence[Path]) -> None:
    """A word on what is in the given folders, and is not uploaded."""
    if paths:
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        names = ", ".join(map(str, paths[:_NAMED]))
        aside(f"Left out, as hidden or as links: {names}{more}.")


def accepted(documents: Sequence[Json], answers: Sequence[Json], *, as_json: bool) -> None:
    if as_json:
        raw({"data": answers})
        return
    for one, said in zip(documents, answers, strict=True):
        sentence(f"{one['filename']}: version {said['version']} is {said['status']}.")


def words(text: str) -> None:
    out.print(_marked(text))


@contextmanager
def written() -> Iterator[Callable[[str], None]]:
    """Words that come piece by piece; their line ends with them, whatever ends them."""
    begun = False

    def write(piece: str) -> None:
        nonlocal begun
        begun = True
        out.print(_marked(piece), end="", soft_wrap=True)

    try:
        yield write
    finally:
        if begun:
            out.print()


def proofs(body: Json, *, seconds: float) -> None:
    """What an answer stands on, and what it took."""
    out.print()
    out.print(_cited(body) if body["citations"] else Text("No source is cited.", "yellow"))
    out.print()
    out.print(Text(" · ".join(_circumstances(body, seconds)), "dim"))


def documents(listed: Sequence[Json], *, status_asked: str | None) -> None:
    if not listed:
        sentence(
            f"No document is {status_asked}."
            if status_asked
            else "There are no documents; `quire upload` brings some."
        )
        return
    room = _room_for_names(listed)
    titled = room >= 2 * _SHORTEST_NAME
    width = room // 2 if titled else max(room, _SHORTEST_NAME)
    out.print(
        table(
            [
                {
                    "filename": shortened(document["filename"], width),
                    "title": shortened(document["title"], width) if titled else "",
                    "status": status(document["status"]),
                    "version": str(document["version"]),
                    "chunks": str(document["chunks"]),
                    "updated": when(document["updated_at"]),
                    "progress": _progress(document),
                }
                for document in listed
            ]
        )
    )
    for document in listed:
        if document["error"]:
            outcome = "failed" if document["status"] == "failed" else "waits"
            caused(outcome, document["filename"], document["error"])


def document(one: Json) -> None:
    shown = {
        **one,
        "progress": _progress(one),
        "metadata": ", ".join(f"{name}={value}" for name, value in one["metadata"].items()),
        "created_at": when(one["created_at"]),
        "updated_at": when(one["updated_at"]),
    }
    known = grid()
    for name, value in shown.items():
        if value not in (None, ""):
            told = status(value) if name == "status" else Text(plain(str(value)))
            known.add_row(Text(name, "dim"), told)
    out.print(known)


def proof(of: Json, found: Json) -> None:
    """Whether a document's chunks are all there, and nothing else is."""
    counts = f"{found['expected']} chunks expected, {found['rows']} rows, {found['points']} points"
    if found["holds"]:
        sentence(f"{of['filename']} holds: {counts}.", "green")
        return
    sentence(f"{of['filename']} does not hold: {counts}.", "red")
    for name in ("missing", "extra"):
        for chunk_id in found[name][:IDS]:
            sentence(f"{name} {chunk_id}")
        if len(found[name]) > IDS:
            sentence(f"{name} {len(found[name]) - IDS} more; --json tells them all")


def sessions(listed: Sequence[Json]) -> None:
    rows = [
        {
            "id": session["id"],
            "title": session["title"] or "",
            "messages": str(session["message_count"]),
            "updated": when(session["updated_at"]),
        }
        for session in listed
    ]
    out.print(table(rows) if rows else "There are no sessions; `quire ask` begins one.")


def messages(listed: Sequence[Json]) -> None:
    for message in listed:
        said = when(message["created_at"])
        # By its id an answer is replayed.
        known = f"  {said}  {message['id']}" if message["role"] == "assistant" else f"  {said}"
        out.print(Text.assemble((message["role"], "bold"), (known, "dim")))
        out.print(_marked(message["content"]))
        out.print()


def health(readiness: Json) -> None:
    out.print(
        table(
            [
                {
                    "check": name,
                    "state": status("ok" if check["ok"] else "failing"),
                    "ms": str(check["ms"]),
                    "error": check.get("error") or "",
                }
                for name, check in readiness["checks"].items()
            ]
        )
    )


def _cited(body: Json) -> Table:
    sources = {source["index"]: source for source in body["sources"]}
    first = {citation["index"]: citation for citation in reversed(body["citations"])}
    cited = grid()
    for index in sorted(first):
        cited.add_row(Text(f"[{index}]", "cyan"), _place(sources[index]))
        cited.add_row("", Text(_excerpt(first[index]["cited_text"]), "dim"))
    return cited


def _place(source: Json) -> str:
    heading = " › ".join(dict.fromkeys((source["title"], *source["heading"])))
    page = f"page {source['page']}" if source.get("page") else None
    return plain(" · ".join(part for part in (heading, source["filename"], page) if part))


def _circumstances(body: Json, seconds: float) -> list[str]:
    usage = body["usage"]
    tokens = usage["prompt_tokens"] + usage["completion_tokens"] + usage["embedding_tokens"]
    flags = {
        "cached": body["cached"],
        "degraded": body.get("degraded"),
        "incomplete": body.get("incomplete"),
        "not stored": not body["persisted"],
    }
    return [
        f"session {body['session_id']}",
        f"{1000 * seconds:,.0f} ms",
        f"{tokens:,} tokens",
        dollars(usage),
        *(flag for flag, is_set in flags.items() if is_set),
    ]


def _marked(text: str) -> Text:
    marked = Text(plain(text))
    marked.highlight_regex(r"\[\d{1,2}\]", "bold cyan")
    return marked


def _excerpt(text: str) -> str:
    line = plain(" ".join(text.split()))
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + "…"


def _room_for_names(listed: Sequence[Json]) -> int:
    statuses = max(_STATUS_WIDTH, *(len(document["status"]) for document in listed))
    progress = _PROGRESS_WIDTH if any(map(_progress, listed)) else 0
    return out.width - _FIXED_WIDTH - statuses - progress


def _progress(document: Json) -> str:
    """How far ingestion is, while it is on its way."""
    return amount(document["progress"]) if document["status"] != "ready" else ""
