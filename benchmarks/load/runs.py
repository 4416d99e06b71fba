"""The runs: so many turns at once at an app, and what became of them and of its memory."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
import psycopg

from benchmarks.cloud import Cloud
from benchmarks.load.apps import App
from benchmarks.load.asking import Told, asking
from benchmarks.meter import metering
from benchmarks.profile import Profile

_LOOK_SECONDS = 0.5


@dataclass(slots=True, kw_only=True)
class Run:
    """`memory` is (Unix seconds, resident bytes) of the app, `cpu` seconds by the part that a
    process plays, `lost` what was acknowledged as stored and is not there.
    """

    name: str
    at_once: int
    began: float = 0.0
    told: list[Told] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    lost: int = 0

    @property
    def served(self) -> list[Told]:
        return [told for told in self.told if told.kind == "served"]

    @property
    def seconds(self) -> float:
        return max((told.ended for told in self.told), default=self.began) - self.began

    @property
    def rate(self) -> float:
        """Served turns a second."""
        return len(self.served) / self.seconds if self.seconds else 0.0


async def load(
    cloud: Cloud,
    app: App,
    *,
    at_once: int,
    turns: int,
    each: Callable[[Told], None] = lambda told: None,
    profile: Profile | None = None,
) -> Run:
    key = cloud.stack.configuration.api_key.get_secret_value()
    run = Run(name=app.name, at_once=at_once, began=time.time())
    looking = asyncio.create_task(_look(app, run))
    async with metering() as meter:
        if profile:
            profile.follow([app.pid])
        async with asking(app.url, key, at_once=at_once, turns=turns) as told:
            async for one in told:
                run.told.append(one)
                each(one)
            run.cpu = meter.read()
        if profile:
            profile.end()
    looking.cancel()
    run.lost = len(await missing(cloud.stack.owner_url, run.told))
    return run


async def missing(owner_url: str, told: Sequence[Told]) -> set[str]:
    """What was acknowledged as stored, and is not in PostgreSQL as a whole answer."""
    messages = [one.message for one in told if one.message]
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        rows = await connection.execute(
            """select id::text from messages where id = any(%s::uuid[])
               and status in ('complete', 'incomplete') and (content <> '' or status <> 'complete')
               and outcome is not null""",
            [messages],
        )
        kept = {row[0] for row in await rows.fetchall()}
    return set(messages) - kept


async def _look(app: App, run: Run) -> None:
    process = psutil.Process(app.pid)
    with suppress(psutil.NoSuchProcess):
        while True:
            run.memory.append((time.time(), process.memory_info().rss))
            await asyncio.sleep(_LOOK_SECONDS)
