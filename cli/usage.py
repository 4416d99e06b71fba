"""`quire usage`: what was used, day by day and model by model."""

from datetime import datetime
from typing import Annotated

import typer

from cli import terminal
from cli.client import Json, Quire
from cli.connection import AsJson, run

usage_app = typer.Typer()

_COUNTS = ("requests", "prompt_tokens", "cached_tokens", "completion_tokens", "embedding_tokens")


@usage_app.command()
def usage(
    context: typer.Context,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day (UTC).")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day (UTC).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what was used, and what it cost: of the last 30 days, unless others are named."""
    days: Json = {"from": first and f"{first:%Y-%m-%d}", "to": last and f"{last:%Y-%m-%d}"}

    async def work(quire: Quire) -> None:
        used = await quire.get("/v1/usage", **days)
        if as_json:
            terminal.raw(used)
        else:
            total = {"day": "total", "model": "", **used["total"]}
            terminal.out.print(terminal.table([_row(one) for one in (*used["data"], total)]))

    run(context, work)


def _row(used: Json) -> dict[str, str]:
    counts = {name.removesuffix("_tokens"): f"{used[name]:,}" for name in _COUNTS}
    return {"day": used["day"], "model": used["model"], **counts, "cost": terminal.dollars(used)}
