"""`quire smoke`: every step with a tick and its time, and what to do where one fails."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Annotated

import typer
from rich.text import Text

from cli import terminal
from cli.client import Failed, Quire
from cli.connection import run
from cli.smoke.tour import Tour

# Beyond the time that the steps have, so that nothing is left even when it was used up.
_TIDYING_SECONDS = 20
_NAMES_WIDTH = 8

Step = tuple[str, Callable[[], Awaitable[str]], str]

smoke_app = typer.Typer()


@smoke_app.command()
def smoke(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(min=1, help="What all of it may take.")] = 120,
) -> None:
    """Bring a document, ask about it at both doors, check its citations, delete it.

    The key needs the scopes ask and ingest. What this makes it takes away, also when it fails.
    """

    async def work(quire: Quire) -> bool:
        tour = Tour(quire)
        try:
            return await _go(tour, until=asyncio.get_running_loop().time() + seconds)
        finally:
            await _tidy(tour)

    if not run(context, work):
        raise typer.Exit(1)


def _steps(tour: Tour) -> tuple[Step, ...]:
    """Each with what to do when it fails."""
    return (
        (
            "look",
            tour.look,
            "Check the URL; docs/operations.md, “When something is wrong”, goes by dependency.",
        ),
        (
            "upload",
            tour.upload,
            "The key needs the scope ingest. If the storage refused, see the bucket's policy and "
            "what the ingest API may put there.",
        ),
        (
            "wait",
            tour.wait,
            "See the ingest worker's log; `quire redrive` brings back what went to the dead "
            "letters, and `quire documents` tells what waits.",
        ),
        (
            "ask",
            tour.ask,
            "The key needs the scope ask. `quire health` tells what is down; chat's log has the "
            "request, and `quire replay MESSAGE` asks again.",
        ),
        (
            "stream",
            tour.stream,
            "Check the stream URL (--stream-url or QUIRE_STREAM_URL); the streaming app's log has "
            "the request.",
        ),
        (
            "delete",
            tour.delete,
            "See the maintenance worker's log; `quire jobs` tells how far the deletion is.",
        ),
    )


async def _go(tour: Tour, *, until: float) -> bool:
    """Take the steps, until one fails or the loop's time is `until`."""
    for name, take, hint in _steps(tour):
        started = perf_counter()
        try:
            async with asyncio.timeout_at(until):
                seen = await take()
        except TimeoutError:
            failed = Failed("The time is up; --seconds gives more.")
        except Failed as error:
            failed = error
        except (KeyError, TypeError):
            failed = Failed("What was answered is not as Quire answers.")
        else:
            _tell("✓", "green", name, seen, started=started)
            continue
        _tell("✗", "red", name, "failed", started=started)
        terminal.failed(failed)
        terminal.aside(f"Next: {hint}")
        return False
    return True


async def _tidy(tour: Tour) -> None:
    try:
        async with asyncio.timeout(_TIDYING_SECONDS):
            left = await tour.tidy()
    except TimeoutError:
        left = [f"`quire delete {tour.filename}`, and its sessions: no answer in time."]
    for what in left:
        terminal.aside(f"Left behind, {what}")


def _tell(tick: str, style: str, name: str, seen: str, *, started: float) -> None:
    ms = f"{1000 * (perf_counter() - started):>8,.0f} ms"
    line = Text.assemble((f"{tick} {name:<{_NAMES_WIDTH}}", style), (ms, "dim"), "  ")
    terminal.out.print(line.append(terminal.plain(seen)))
