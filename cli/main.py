"""The quire command: reads what was asked, calls the deployment, shows what it said."""

from pathlib import Path
from typing import Annotated

import typer

from cli import show, terminal
from cli.access import keys_app, tenants_app, users_app
from cli.ask import ask_app
from cli.client import Quire, path_of
from cli.connection import AsJson, Timeout, connect, run
from cli.documents import document_app, documents_app
from cli.evaluation.command import eval_app
from cli.files import existing, find_files
from cli.jobs import jobs_app
from cli.limits import limits_app
from cli.replay import replay_app
from cli.smoke.command import smoke_app
from cli.upkeep import upkeep_app
from cli.upload import Uploading
from cli.usage import usage_app

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.callback()(connect)


@app.command()
def upload(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(parser=existing, metavar="PATHS...")],
    timeout: Timeout = 600,
    as_json: AsJson = False,
) -> None:
    """Upload files, and folders with all they hold, and wait until they can be asked about."""

    async def work(quire: Quire) -> bool:
        left_out: list[Path] = []
        files = find_files(paths, leave_out=left_out.append)
        with terminal.progress() as progress:
            outcomes = await Uploading(quire, files, progress).run(timeout=timeout)
        show.left_out(left_out)
        show.outcomes(outcomes, as_json=as_json)
        return all(outcome.cause is None for outcome in outcomes)

    if not run(context, work):
        raise typer.Exit(1)


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
app.add_typer(keys_app, name="keys")
app.add_typer(users_app, name="users")
app.add_typer(tenants_app, name="tenants")
tenants_app.add_typer(limits_app)
for group in (
    *(ask_app, document_app, jobs_app, upkeep_app, replay_app, usage_app, eval_app),
    smoke_app,
):
    app.add_typer(group)
