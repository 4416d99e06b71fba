"""Jobs in steps: an invocation does what it has time for, the next goes on from the cursor."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from quire.domain import Job
from quire.errors import Invalid, NotFound, Unreadable
from quire.observability import log
from quire.queue import Queue
from quire.store.jobs import Jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a job has come; `result` once it is done, else it goes on in `delay` seconds."""

    done: int = 0
    total: int = 0
    cursor: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    delay: float = 0


class Steps(ABC):
    """A kind of job. A step may be repeated: what it does twice, it has done once."""

    @abstractmethod
    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Work until `until`, in monotonic seconds. Raises Invalid, Unreadable, Unavailable."""

    async def abandon(self, job: Job) -> None:  # noqa: B027  (most leave nothing in the way)
        """Undo what a job that was given up has begun, where that would be in the way."""


class JobRunner:
    def __init__(self, jobs: Jobs, maintenance: Queue, kinds: Mapping[str, Steps]) -> None:
        self._jobs = jobs
        self._maintenance = maintenance
        self._kinds = kinds

    async def run(self, tenant: str, job_id: UUID, *, until: float) -> None:
        """Take a job one step further. Raises Unavailable; the message has to come again then."""
        try:
            job = await self._jobs.get(tenant, job_id)
        except NotFound:
            log.info("the job is gone", job=str(job_id))
            return
        if job.status in ("done", "failed"):
            return
        try:
            step = await self._kinds[job.kind].step(tenant, job, until=until)
        except (Invalid, NotFound, Unreadable) as error:
            await self.give_up(tenant, job_id, error.message)
            return
        if step.result is not None:
            await self._jobs.finish(tenant, job_id, result=step.result)
            return
        await self._jobs.advance(
            tenant, job_id, done=step.done, total=step.total, cursor=step.cursor
        )
        await self._maintenance.send_job(tenant, job_id, delay=step.delay)

    async def give_up(self, tenant: str, job_id: UUID, cause: str) -> None:
        """End a job that cannot go on. Raises NotFound, Unavailable."""
        job = await self._jobs.get(tenant, job_id)
        await self._jobs.fail(tenant, job_id, cause)
        await self._kinds[job.kind].abandon(job)
