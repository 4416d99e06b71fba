"""Jobs' steps: one worker's at a time, again when it failed or died, and never for ever."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

import pytest

from functions.ingest.jobs import JobRunner, Step, Steps
from quire.domain import Job
from quire.errors import Unavailable
from quire.store.database import Database
from quire.store.jobs import Jobs
from tests.integration.jobs.conftest import Asked, Parts

ATTEMPTS = 5


class Scripted(Steps):
    def __init__(self) -> None:
        self.begun = 0
        self.abandoned = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.answer: Step | Exception = Step(done=1, total=2)

    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        self.begun += 1
        await self.goes_on.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def abandon(self, job: Job) -> None:
        self.abandoned += 1


@pytest.fixture
def asked(ask: Callable[[], Asked]) -> Asked:
    return ask()


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
def runner(parts: Parts, asked: Asked, scripted: Scripted) -> JobRunner:
    return JobRunner(parts.jobs, asked.queue, {"scripted": scripted})


@pytest.fixture
async def job(parts: Parts, tenant: str) -> UUID:
    return await parts.jobs.request(tenant, "scripted", {})


async def run(runner: JobRunner, tenant: str, job: UUID) -> None:
    now = time.monotonic()
    await runner.run(tenant, job, until=now + 5, ends=now + 6)


async def test_a_step_is_one_workers(
    runner: JobRunner, scripted: Scripted, asked: Asked, tenant: str, job: UUID
) -> None:
    scripted.goes_on.clear()
    first = asyncio.create_task(run(runner, tenant, job))
    while not scripted.begun:
        await asyncio.sleep(0.01)
    await run(runner, tenant, job)
    assert (scripted.begun, asked.now()) == (1, [])
    scripted.goes_on.set()
    await first
    assert asked.now() == [{"job": {"tenant": tenant, "id": str(job)}}]
    await run(runner, tenant, job)
    assert scripted.begun == 2


async def test_before_its_time_no_step_is_begun(
    runner: JobRunner, scripted: Scripted, asked: Asked, tenant: str, job: UUID
) -> None:
    scripted.answer = Step(delay=60)
    await run(runner, tenant, job)
    await run(runner, tenant, job)
    assert (scripted.begun, asked.now(), asked.later()) == (1, [], 1)


async def test_what_failed_is_tried_again_at_once(
    runner: JobRunner, scripted: Scripted, parts: Parts, tenant: str, job: UUID
) -> None:
    scripted.answer = Unavailable("qdrant")
    for _ in range(ATTEMPTS + 1):
        with pytest.raises(Unavailable):
            await run(runner, tenant, job)
    assert scripted.begun == ATTEMPTS + 1
    assert (await parts.jobs.get(tenant, job)).status == "queued"


async def test_what_kills_its_workers_is_given_up(
    runner: JobRunner, scripted: Scripted, parts: Parts, tenant: str, job: UUID
) -> None:
    for _ in range(ATTEMPTS):
        assert await parts.jobs.begin(tenant, job, lease=-1)
    await run(runner, tenant, job)
    ended = await parts.jobs.get(tenant, job)
    assert (ended.status, scripted.begun, scripted.abandoned) == ("failed", 0, 1)
    assert "begun several times" in str(ended.error)


async def test_deaths_are_counted_step_by_step(
    runner: JobRunner, scripted: Scripted, parts: Parts, tenant: str, job: UUID
) -> None:
    for _ in range(2):
        for _ in range(ATTEMPTS - 1):
            assert await parts.jobs.begin(tenant, job, lease=-1)
        await run(runner, tenant, job)
    assert scripted.begun == 2


async def test_a_job_is_looked_at_until_it_has_ended(
    runner: JobRunner, parts: Parts, asked: Asked, tenant: str, job: UUID
) -> None:
    await runner.look(tenant, job)
    assert asked.now() == [{"job": {"tenant": tenant, "id": str(job)}}]
    assert asked.later() == 1
    await parts.jobs.finish(tenant, job, result={})
    await runner.look(tenant, job)
    await runner.look(tenant, UUID(int=7))
    assert (asked.now(), asked.later()) == ([], 1)


async def test_no_outage_ends_a_jobs_watch(asked: Asked, tenant: str, job: UUID) -> None:
    nowhere = Database("postgresql://quire_app@127.0.0.1:1/none", timeout=0.2)
    await JobRunner(Jobs(nowhere), asked.queue, {}).look(tenant, job)
    assert (asked.now(), asked.later()) == ([], 1)
    await nowhere.close()
