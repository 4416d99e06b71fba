"""Dead letters → the queues they came from, once what killed them is mended."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from functions.ingest.jobs import Step, Steps
from functions.ingest.messages import Asked, ingest_message, parse
from quire.domain import DocumentStatus, Job, document_id
from quire.errors import Conflict, Invalid, NotFound
from quire.object_keys import parse_upload_key
from quire.queue import Queue
from quire.store.documents import Documents
from quire.store.jobs import Jobs

_UNKNOWN = "the worker died"


class Redrive(Steps):
    def __init__(
        self,
        *,
        dead: Queue,
        documents_queue: Queue,
        maintenance: Queue,
        documents: Documents,
        jobs: Jobs,
    ) -> None:
        self._dead = dead
        self._documents_queue = documents_queue
        self._maintenance = maintenance
        self._documents = documents
        self._jobs = jobs

    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Move the letters there are now; those that die again meanwhile stay."""
        causes: dict[str, int] = dict(job.cursor.get("causes", {}))
        total = job.total or await self._dead.count()
        done = job.done
        while done < total and (messages := await self._dead.receive()):
            for message in messages:
                if await self._move(message):
                    cause = _cause(message)
                    causes[cause] = causes.get(cause, 0) + 1
                await self._dead.delete(message["ReceiptHandle"])
                done += 1
            if time.monotonic() > until:
                return Step(done=done, total=total, cursor={"causes": causes})
        return Step(
            done=done,
            total=total,
            result={"moved": sum(causes.values()), "causes": causes},
        )

    async def _move(self, message: Mapping[str, Any]) -> bool:
        """Whether somebody will do what it asks."""
        try:
            asked = parse(message["Body"])
        except Invalid:
            # Nobody can make anything of it; where it comes from may tell who sends such.
            await self._dead.bury(message["Body"], cause=_cause(message))
            return False
        for upload in asked.uploads:
            await self._revive(upload.key)
        if asked.removals:
            # As it came, with any uploads there are in it: their order is in their sequencers.
            await self._documents_queue.resend(message["Body"])
            return True
        for upload in asked.uploads:
            await self._documents_queue.send(ingest_message(upload, hop=0))
        if asked.job and await self._has_ended(*asked.job):
            return False
        if _for_maintenance(asked):
            await self._maintenance.resend(message["Body"])
        return True

    async def _has_ended(self, tenant: str, job: UUID) -> bool:
        """Whoever gave up the message failed the job as well: it is to be asked for anew."""
        try:
            return (await self._jobs.get(tenant, job)).status in ("done", "failed")
        except NotFound:
            return True

    async def _revive(self, key: str) -> None:
        """Let a failed document be claimed again, though its bytes are the same."""
        named = parse_upload_key(key)
        if named is None:
            return
        try:
            found = await self._documents.get(named[0], document_id(*named))
            if found.status is DocumentStatus.FAILED:
                await self._documents.reingest(named[0], found.id)
        except (NotFound, Conflict):
            return


def _for_maintenance(asked: Asked) -> bool:
    return bool(asked.job or asked.job_watch or asked.watch or asked.recover)


def _cause(message: Mapping[str, Any]) -> str:
    cause: str = message.get("MessageAttributes", {}).get("cause", {}).get("StringValue", _UNKNOWN)
    return cause
