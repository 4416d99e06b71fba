"""Workers that die at every exchange they have with the world, and documents that are whole.

`QUIRE_SEED=7 QUIRE_SCHEDULE=31 pytest tests/soak/test_kills.py -k sample` lives one schedule again.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import httpx
import psycopg
import pytest
from qdrant_client import AsyncQdrantClient

from local.stack import Stack
from tests.conftest import Tenant
from tests.soak.boundaries import ALIKE, BOUNDARIES, MOMENTS, PRELIMINARIES, TROUBLES
from tests.soak.mortal import Mortal
from tests.soak.proof import complaints
from tests.soak.schedules import Change, Death, Returns, Schedule, make
from tests.soak.test_soak import sizes

Owner = psycopg.AsyncConnection[tuple[object, ...]]
MakeTenant = Callable[..., Awaitable[Tenant]]
# How many live side by side; those that wait for clocks may be more.
AT_ONCE: Mapping[Returns, int] = {"at once": 12, "in time": 24, "never": 24}
# No schedule is begun later.
BOUND_SECONDS = 1_200


@pytest.fixture
async def qdrant(stack: Stack) -> AsyncIterator[AsyncQdrantClient]:
    url = f"http://127.0.0.1:{stack.configuration.qdrant_port}"
    client = AsyncQdrantClient(url=url, prefer_grpc=False, check_compatibility=False)
    yield client
    await client.close()


@pytest.mark.parametrize("count", sizes(3, 304))
async def test_whoever_dies_documents_are_whole(
    stack: Stack,
    owner: Owner,
    qdrant: AsyncQdrantClient,
    make_tenant: MakeTenant,
    capsys: pytest.CaptureFixture[str],
    count: int,
) -> None:
    seed = int(os.environ.get("QUIRE_SEED", "1"))
    only = os.environ.get("QUIRE_SCHEDULE")
    numbers = [int(only)] if only else range(count)
    planned: list[tuple[Schedule, Tenant]] = []
    lived: list[tuple[Schedule, Tenant]] = []
    began = time.monotonic()

    def look(schedule: Schedule, upto: Change | None = None) -> Awaitable[list[str]]:
        return complaints(owner, qdrant, mortal.keys, schedule.tenant, schedule.last_texts(upto))

    async def settled(schedule: Schedule, upto: Change | None = None) -> None:
        """Return once nothing is left to be done and all is as it has to be."""
        found: list[str] = []
        try:
            async with asyncio.timeout(90 if count < 10 else 240):
                while found := await look(schedule, upto):
                    await asyncio.sleep(0.5)
        except TimeoutError:
            pytest.fail(f"seed {seed}, {schedule}: {found}")

    async def live(schedule: Schedule, tenant: Tenant, gate: asyncio.Semaphore) -> None:
        async with gate:
            if time.monotonic() > began + BOUND_SECONDS:
                return
            for change in schedule.changes:
                await mortal.change(schedule, change)
                if change.pause is None:
                    await settled(schedule, change)
                else:
                    await asyncio.sleep(change.pause)
            await settled(schedule)
            lived.append((schedule, tenant))

    async with Mortal(stack, owner, hands=min(3, count - 1)) as mortal:
        for number in numbers:
            tenant = await make_tenant()
            schedule = mortal.schedules[tenant.id] = make(seed, number, tenant.id)
            planned.append((schedule, tenant))
        # Who is put back on its queue is so when there is nobody else in it: hence last.
        for returns, at_once in AT_ONCE.items():
            gate = asyncio.Semaphore(at_once)
            async with asyncio.TaskGroup() as living:
                for schedule, tenant in planned:
                    if schedule.returns == returns:
                        living.create_task(live(schedule, tenant, gate))
        await mortal.drained()
        # Once more, now that the last duplicate has come.
        wrong = [f"{schedule}: {found}" for schedule, _ in lived if (found := await look(schedule))]
        assert not wrong, (seed, wrong)
        seen = sum((worker.seen for worker in mortal.workers), Counter())
    await _proven_by_the_api(stack, lived, seed)
    died = Counter(death for schedule, _ in lived for death in schedule.died)
    with capsys.disabled():
        sys.stdout.write(_table(seed, [s for s, _ in lived], seen, died, time.monotonic() - began))
    known = {boundary[:2] for boundary in BOUNDARIES} | ALIKE | PRELIMINARIES | TROUBLES
    unknown = seen.keys() - known
    assert not unknown, (seed, unknown)
    if count > len(BOUNDARIES) and not only:
        assert len(lived) >= 300, (seed, len(lived))
        # Clocks decide which of the two moments some see; at all, every one has to.
        spared = {
            boundary[:2]
            for boundary in BOUNDARIES
            if not any(str(Death(boundary, moment)) in died for moment in MOMENTS)
        }
        assert not spared, (seed, spared)


async def _proven_by_the_api(stack: Stack, lived: list[tuple[Schedule, Tenant]], seed: int) -> None:
    """Every document of every schedule, by its own word."""
    async with httpx.AsyncClient(base_url=stack.configuration.api_url, timeout=40) as api:
        for schedule, tenant in lived:
            headers = tenant.headers()
            listed = (await api.get("/v1/documents", headers=headers)).raise_for_status().json()
            there = {document["filename"]: document for document in listed["data"]}
            expected = {name for name, text in schedule.last_texts().items() if text is not None}
            assert there.keys() == expected, (seed, str(schedule))
            for document in there.values():
                answer = await api.get(f"/v1/documents/{document['id']}/proof", headers=headers)
                proof = answer.raise_for_status().json()
                counts = {proof["expected"], proof["rows"], proof["points"], document["chunks"]}
                assert proof["holds"], (seed, str(schedule), proof)
                assert len(counts) == 1, (seed, str(schedule), proof)


def _table(
    seed: int,
    schedules: Sequence[Schedule],
    seen: Counter[tuple[str, str]],
    died: Counter[str],
    seconds: float,
) -> str:
    """How often each exchange was seen, and ended a worker's life before and after it was done."""
    lines = [
        f"  {count:7} {died[f'{function}: {exchange}, unsent']:7}"
        f" {died[f'{function}: {exchange}, unanswered']:11}  {function}: {exchange}"
        for (function, exchange), count in sorted(seen.items())
    ]
    calm = sum(not schedule.died for schedule in schedules)
    return "\n".join(
        (
            f"\nseed {seed}: {len(schedules)} schedules, {calm} of them without a death; "
            f"{sum(died.values())} deaths; {seconds:.0f} s",
            "     seen  unsent  unanswered  killed at",
            *lines,
            "",
        )
    )
