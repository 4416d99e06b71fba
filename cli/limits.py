"""`quire tenants limits`: what a tenant may do."""

from typing import Annotated

import typer

from cli import show_access
from cli.access import Id
from cli.client import Json, Quire, path_of
from cli.connection import AsJson, run

_OWN = ("key_requests", "requests", "streams", "tokens", "dollars")


limits_app = typer.Typer()


@limits_app.command("limits")
def tenant_limits(
    context: typer.Context,
    tenant: Id,
    key_requests: Annotated[
        int | None, typer.Option(min=1, help="Requests a minute, of each key.")
    ] = None,
    requests: Annotated[int | None, typer.Option(min=1, help="Requests a minute, of all.")] = None,
    streams: Annotated[int | None, typer.Option(min=0, help="Streams at once.")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="Tokens a day (UTC).")] = None,
    dollars: Annotated[float | None, typer.Option(min=0, help="Dollars a day (UTC).")] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Give back what is not named here to the stage.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a tenant's limits, or set those that are named: the operator's to do."""
    named = dict(zip(_OWN, (key_requests, requests, streams, tokens, dollars), strict=True))
    wanted = {name: value for name, value in named.items() if value is not None}
    path = path_of("admin/tenants", tenant) + "/limits"

    async def work(quire: Quire) -> None:
        shown = await quire.get(path)
        if wanted or reset:
            kept: Json = {} if reset else {name: shown[name] for name in _OWN}
            shown = await quire.put(path, {**kept, **wanted})
        show_access.limits(shown, as_json=as_json)

    run(context, work)
