"""`quire ask`: the answer as it is written, then the sources that it cites."""

from contextlib import aclosing
from time import perf_counter
from typing import Annotated

import typer

from cli import show, terminal
from cli.client import Json, Quire, Unreached
from cli.connection import AsJson, run

ask_app = typer.Typer()


@ask_app.command()
def ask(
    context: typer.Context,
    question: str,
    session: Annotated[str | None, typer.Option(help="Go on with this session.")] = None,
    top_k: Annotated[int, typer.Option(help="How many sources to read, 1 to 16.")] = 8,
    selected_text: Annotated[str | None, typer.Option(help="Ask about this text only.")] = None,
    selected_file: Annotated[
        typer.FileText | None,
        typer.Option(encoding="utf-8", help="Ask about this file's text only; - is the input."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question; the answer comes with the sources that it cites."""
    body: Json = {"question": question, "top_k": top_k}
    if session is not None:
        body["session_id"] = session
    if selected_file is not None:
        if selected_text is not None:
            raise typer.BadParameter("Give --selected-text or --selected-file, not both.")
        selected_text = _read(selected_file)
    if selected_text is not None:
        body["selected_text"] = selected_text

    async def work(quire: Quire) -> None:
        if as_json:
            terminal.raw(await quire.post("/v1/chat", body))
            return
        started = perf_counter()
        try:
            answer = await _streamed(quire, body)
        except Unreached:
            answer = await quire.post("/v1/chat", body)
            show.words(answer["answer"])
        show.proofs(answer, seconds=perf_counter() - started)

    run(context, work)


async def _streamed(quire: Quire, body: Json) -> Json:
    """Show an answer while it is written; what is known of it in the end, as if it came whole."""
    sources: list[Json] = []
    end: Json = {}
    with show.written() as write:
        async with aclosing(quire.stream("/v1/chat/stream", body)) as events:
            async for event in events:
                match event["event"]:
                    case "retrieval_complete":
                        sources = event["sources"]
                    case "response_chunk":
                        write(event["text"])
                    case "response_complete" | "incomplete":
                        end = event
    return {**end, "sources": sources, "incomplete": end.get("reason")}


def _read(file: typer.FileText) -> str:
    try:
        return file.read()
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file.name} is not text in UTF-8.") from None
