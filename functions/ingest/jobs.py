"""Jobs in steps: an invocation does what it has time for, the next goes on from the cursor.

A step is one worker's: messages that come meanwhile, or before its time, are dropped. Whatever
message or worker is lost, a job's watch asks for it again, until it has ended.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from quire.domain import Job
from quire.errors import Invalid, NotFound, Unavailable, Unreadable
from quire.observability import log
from quire.queue import MOST_DELAY, Queue
from quire.store.jobs import Jobs

# Workers that may die of one step.
_MAX_ATTEMPTS = 5
# What a worker sent in its last moment may arrive later, in seconds.
_LEASE_MARGIN = 5
# SQS counts in whole seconds: a message in time is not to find its job at rest.
_EARLY = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a job has come; `result` once it is done, else it goes on in `delay` seconds."""

    done: int = 0
    total: int = 0
    cursor: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    delay: float = 0


class Steps(ABC):
    """A kind of job. A step is done by one worker at a time, and again if that one dies of it:
    what was done before must do no harm."""

    @abstractmethod
    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Work until `until`, in monotonic seconds. Raises Invalid, Unreadable, Unavailable."""

    async def abandon(self, job: Job) -> None:  # noqa: B027  (most leave nothing in the way)
        """Undo what a job that was given up has begun, where that would be in the way."""


async def start(maintenance: Queue, tenant: str, job: UUID) -> None:
    """Have a job begun, and looked at until it has ended. Raises Unavailable."""
    await maintenance.send_job_watch(tenant, job, delay=MOST_DELAY)
    await maintenance.send_job(tenant, job)


async def begin(
    jobs: Jobs, maintenance: Queue, tenant: str, kind: str, request: Mapping[str, Any]
) -> UUID:
    """A job of those that go on side by side, each of them once. Raises Unavailable."""
    job = await jobs.request(tenant, kind, request, alone=False)
    await start(maintenance, tenant, job)
    return job


class JobRunner:
    def __init__(self, jobs: Jobs, maintenance: Queue, kinds: Mapping[str, Steps]) -> None:
        self._jobs = jobs
        self._maintenance = maintenance
        self._kinds = kinds

    async def run(self, tenant: str, job_id: UUID, *, until: float, ends: float) -> None:
        """Take a job one step further; the worker dies at `ends`, in monotonic seconds.

        Raises Unavailable; the message has to come again then.
        """
        lease = ends - time.monotonic() + _LEASE_MARGIN
        job = await self._jobs.begin(tenant, job_id, lease=lease)
        if job is None:
            log.info("nothing to be done for this job now", job_id=str(job_id))
            return
        if job.attempts > _MAX_ATTEMPTS:
            cause = "This was begun several times and never finished; ask for it again."
            await self.give_up(tenant, job_id, cause)
            return
        try:
            step = await self._kinds[job.kind].step(tenant, job, until=until)
        except (Invalid, NotFound, Unreadable) as error:
            await self.give_up(tenant, job_id, error.message)
            return
        except Exception:
            with suppress(Unavailable):  # or the lease runs out
                await self._jobs.release(tenant, job_id)
            raise
        log.info(
            "job",
            tenant=tenant,
            job_id=str(job_id),
            kind=job.kind,
            done=step.done,
            total=step.total,
            ended=step.result is not None,
        )
        if step.result is not None:
            await self._jobs.finish(tenant, job_id, result=step.result)
            return
        await self._jobs.advance(
            tenant,
            job_id,
            done=step.done,
            total=step.total,
            cursor=step.cursor,
            rest=max(0.0, step.delay - _EARLY),
        )
        await self._maintenance.send_job(tenant, job_id, delay=step.delay)

    async def look(self, tenant: str, job_id: UUID) -> None:
        """Ask for a job again that has not ended, and have it looked at once more.

        Raises Unavailable only when it cannot be asked for.
        """
        try:
            job = await self._jobs.get(tenant, job_id)
        except NotFound:
            return
        except Unavailable as error:
            log.warning("a job was not looked at", job_id=str(job_id), cause=error.message)
            await self._maintenance.send_job_watch(tenant, job_id, delay=MOST_DELAY)
            return
        if job.status not in ("done", "failed"):
            await start(self._maintenance, tenant, job_id)

    async def give_up(self, tenant: str, job_id: UUID, cause: str) -> None:
        """End a job that cannot go on. Raises NotFound, Unavailable."""
        job = await self._jobs.get(tenant, job_id)
        await self._jobs.fail(tenant, job_id, cause)
        await self._kinds[job.kind].abandon(job)
