"""`make bench-limits`: what counting a request takes, beside a transaction that does nothing.

Straight to PostgreSQL through PgBouncer: by one tenant, as whose row is the busiest, and by many.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.cloud import cloud
from quire.domain import Caller, Limits
from quire.store.database import Database
from quire.store.limits import RateLimits

_PLENTY = Limits(key_requests=10**9, requests=10**9)
_TENANTS = 50
_WARM = 200

console = Console()


def main(
    requests: Annotated[int, typer.Option(help="Of each run.")] = 2_000,
    connections: Annotated[str, typer.Option(help="At once, a run for each.")] = "1,8",
) -> None:
    """Count requests here, and tell what that took."""
    numbers = [int(number) for number in connections.split(",")]
    with tempfile.TemporaryDirectory(prefix="quire-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        load = " ".join(f"{load:.1f}" for load in os.getloadavg())
        console.print(f"{os.cpu_count()} cores; load before: {load}")
        asyncio.run(_run(folder, requests, numbers))


async def _run(folder: Path, requests: int, connections: list[int]) -> None:
    table = Table("", "at once", "median ms", "p95 ms", "a second", "CPU ms here")
    async with cloud(folder / "state", dimensions=8) as running:
        tenants = await _tenants(running.stack.owner_url)
        for number in connections:
            database = Database(running.stack.app_url, connections=number)
            limits = RateLimits(database, _PLENTY, timeout=5)

            async def nothing(tenant: str, database: Database = database) -> None:
                await database.run(tenant, ("select 1", []))

            async def count(tenant: str, limits: RateLimits = limits) -> None:
                await limits.take(Caller(tenant, "ada", frozenset(("ask",))))

            for name, once, whose in (
                ("a transaction that does nothing", nothing, tenants[:1]),
                ("a request of one tenant", count, tenants[:1]),
                (f"a request of {_TENANTS} tenants", count, tenants),
            ):
                await _time(once, whose, requests=_WARM, connections=number)
                taken, seconds, cpu = await _time(
                    once, whose, requests=requests, connections=number
                )
                table.add_row(
                    *(name, str(number), f"{1000 * median(taken):.2f}"),
                    *(f"{1000 * quantiles(taken, n=20)[-1]:.2f}", f"{requests / seconds:.0f}"),
                    f"{1000 * cpu / requests:.2f}",
                )
            await database.close()
    console.print(table)


async def _time(
    once: Callable[[str], Awaitable[None]],
    tenants: Sequence[str],
    *,
    requests: int,
    connections: int,
) -> tuple[list[float], float, float]:
    """Seconds of each, of all, and of this process's CPU."""
    taken: list[float] = []
    waiting = iter(range(requests))

    async def client() -> None:
        for number in waiting:
            began = time.perf_counter()
            await once(tenants[number % len(tenants)])
            taken.append(time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(connections)))
    return taken, time.perf_counter() - began, time.process_time() - cpu


async def _tenants(owner_url: str) -> list[str]:
    names = [f"t-{number}" for number in range(_TENANTS)]
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        await connection.cursor().executemany(
            "insert into tenants (tenant_id, name) values (%s, %s)", [(n, n) for n in names]
        )
    return names


if __name__ == "__main__":
    typer.run(main)
