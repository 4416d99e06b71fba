"""`quire reconcile`, `rebuild` and `redrive`: jobs that an administrator starts and waits for."""

from typing import Annotated

import typer

from cli.client import Json, Quire
from cli.connection import AsJson, run
from cli.jobs import follow, tell

upkeep_app = typer.Typer()


@upkeep_app.command()
def reconcile(context: typer.Context, as_json: AsJson = False) -> None:
    """Prove every document, and mend those that do not hold."""
    _start(context, {"kind": "reconcile"}, as_json=as_json)


@upkeep_app.command()
def rebuild(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(help="The embedding model to change to.")] = None,
    dimensions: Annotated[
        int | None, typer.Option(min=1, help="How many dimensions that model's vectors have.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the index anew beside the live one, then put it in its place."""
    if (model is None) != (dimensions is None):
        raise typer.BadParameter("Give --model and --dimensions together, or neither.")
    body: Json = {"kind": "rebuild"}
    if model is not None:
        body |= {"model": model, "dimensions": dimensions}
    _start(context, body, as_json=as_json)


@upkeep_app.command()
def redrive(context: typer.Context, as_json: AsJson = False) -> None:
    """Give what the queue gave up on another try."""
    _start(context, {"kind": "redrive"}, as_json=as_json)


def _start(context: typer.Context, body: Json, *, as_json: bool) -> None:
    async def work(quire: Quire) -> bool:
        accepted = await quire.post("/v1/admin/jobs", body)
        return tell(await follow(quire, accepted["job_id"]), as_json=as_json)

    if not run(context, work):
        raise typer.Exit(1)
