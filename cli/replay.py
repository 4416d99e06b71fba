"""`quire replay`: an answer asked for anew, and what came out otherwise."""

import re
from collections.abc import Iterator
from difflib import unified_diff
from typing import Annotated

import typer
from rich.text import Text

from cli import terminal
from cli.client import Json, Quire, path_of
from cli.connection import AsJson, run

replay_app = typer.Typer()

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@replay_app.command()
def replay(
    context: typer.Context,
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="An answer's id; `quire sessions ID` has it.")
    ],
    as_json: AsJson = False,
) -> None:
    """Ask a stored question again, and tell what is not the same; nothing of it is stored."""

    async def work(quire: Quire) -> bool:
        replayed = await quire.post(path_of("messages", message) + "/replay", {})
        if as_json:
            terminal.raw(replayed)
        else:
            _show(replayed)
        return bool(replayed["same"])

    if not run(context, work):
        raise typer.Exit(1)


def _show(replayed: Json) -> None:
    if replayed["same"]:
        terminal.sentence("All of it is the same.", "green")
        return
    was, now = replayed["was"], replayed["now"]
    changes = terminal.grid()
    for name, change in _changes(was, now):
        changes.add_row(Text(name, "dim"), Text(terminal.plain(change)))
    terminal.out.print(changes)
    for line in _difference(was["answer"], now["answer"]):
        terminal.out.print(Text(terminal.plain(line), _STYLES.get(line[0], "")))


def _changes(was: Json, now: Json) -> Iterator[tuple[str, str]]:
    for name, field in (("status", "status"), ("model", "model"), ("prompt", "prompt_hash")):
        if was[field] != now[field]:
            yield name, f"{was[field] or 'none'} → {now[field] or 'none'}"
    if was["sources"] != now["sources"]:
        gone = [chunk for chunk in was["sources"] if chunk not in now["sources"]]
        new = [chunk for chunk in now["sources"] if chunk not in was["sources"]]
        yield "sources", f"{len(gone)} gone, {len(new)} new" if gone or new else "in another order"
        yield from (("gone", str(chunk)) for chunk in gone)
        yield from (("new", str(chunk)) for chunk in new)
    cited, cites = len(was["citations"]), len(now["citations"])
    if cited != cites:
        yield "citations", f"{cited} → {cites}"
    elif was["citations"] != now["citations"]:
        yield "citations", f"{cited}, of other places"
    if was["answer"] == now["answer"]:
        yield "answer", "the same"


def _difference(was: str, now: str) -> Iterator[str]:
    """Sentence by sentence: an answer is one paragraph often."""
    return unified_diff(
        _SENTENCE_END.split(was), _SENTENCE_END.split(now), "was", "now", lineterm="", n=2
    )
