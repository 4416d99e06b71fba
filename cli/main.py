"""The quire command: reads what was asked, calls the deployment, shows what it said."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from cli import show, terminal
from cli.client import Json, Quire, path_of
from cli.connection import AsJson, Timeout, connect, run
from cli.documents import document_app, documents_app
from cli.evaluation.command import eval_app
from cli.files import find_files
from cli.jobs import jobs_app
from cli.replay import replay_app
from cli.upkeep import upkeep_app
from cli.upload import Uploading
from cli.usage import usage_app

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.callback()(connect)


@app.command()
def upload(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(exists=True)],
    timeout: Timeout = 600,
    as_json: AsJson = False,
) -> None:
    """Upload files, and folders with all they hold, and wait until they can be asked about."""

    async def work(quire: Quire) -> bool:
        files = find_files(paths)
        with terminal.progress() as progress:
            outcomes = await Uploading(quire, files, progress).run(timeout=timeout)
        show.outcomes(outcomes, as_json=as_json)
        return all(outcome.cause is None for outcome in outcomes)

    if not run(context, work):
        raise typer.Exit(1)


@app.command()
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
        started = perf_counter()
        answer = await quire.post("/v1/chat", body)
        if as_json:
            terminal.raw(answer)
        else:
            show.answer(answer, seconds=perf_counter() - started)

    run(context, work)


@app.command()
def sessions(
    context: typer.Context,
    session: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    as_json: AsJson = False,
) -> None:
    """List the sessions, or show the messages of one."""
    path = "/v1/sessions" if session is None else path_of("sessions", session) + "/messages"

    async def work(quire: Quire) -> None:
        listed = [item async for item in quire.pages(path)]
        if as_json:
            terminal.raw({"data": listed})
        elif session is None:
            show.sessions(listed)
        else:
            show.messages(listed)

    run(context, work)


@app.command()
def health(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell whether the deployment, and all that it needs, is ready."""

    async def work(quire: Quire) -> bool:
        readiness = await quire.get("/health/ready", also=(503,))
        if as_json:
            terminal.raw(readiness)
        else:
            show.health(readiness)
        return bool(readiness["status"] == "ok")

    if not run(context, work):
        raise typer.Exit(1)


app.add_typer(documents_app, name="documents")
for group in (document_app, jobs_app, upkeep_app, replay_app, usage_app, eval_app):
    app.add_typer(group)


def _read(file: typer.FileText) -> str:
    try:
        return file.read()
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file.name} is not text in UTF-8.") from None


if __name__ == "__main__":
    app(prog_name="quire")
