"""Erasing a user or a tenant: shut out, then gone everywhere, with a certificate."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from functions.ingest.jobs import Step, Steps
from functions.ingest.remaining import Remains, backups, dead_letters, for_good, upload_forms
from quire.domain import Collection, Job
from quire.object_keys import export_prefix, texts_prefix, upload_prefix
from quire.objects import Objects
from quire.observability import log
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.erasure import Erasure

_SESSIONS_AT_ONCE = 100
_ROWS_AT_ONCE = 1_000
_OBJECTS_AT_ONCE = 100
_PAUSE = 2

_SEARCHED_FOR_USERS = (
    "PostgreSQL: users, api_keys, sessions, messages, retrievals, feedback, idempotency_keys, "
    "answer_cache",
    "S3: every version of the tenant's exports",
)
_SEARCHED_FOR_TENANTS = (
    "PostgreSQL: every table that has tenants",
    "Qdrant: every collection",
    "S3: every version of originals, texts and exports",
)


class Erasing(Steps):
    """A job of kind `erase`: its request names a `user` of its tenant's, or a `tenant`."""

    def __init__(
        self,
        *,
        erasure: Erasure,
        objects: Objects,
        collections: Collections,
        index: Index,
        remember: float,
    ) -> None:
        """For `remember` seconds who was shut out may still be served, and write."""
        self._erasure = erasure
        self._objects = objects
        self._collections = collections
        self._index = index
        self._rest = remember + _PAUSE

    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Shut out, rest until nobody writes any more, then delete until nothing is left."""
        erased, user = job.request.get("tenant", tenant), job.request.get("user")
        if not job.cursor:
            await (
                self._erasure.close_tenant(erased)
                if user is None
                else self._erasure.shut_out(erased, user)
            )
            return Step(total=1, cursor={"removed": {}}, delay=self._rest)
        if user is None:
            await self._erasure.end_exports(erased)  # nobody asks for one any more
        if await self._erasure.busy(erased, exporting=user is not None):
            return Step(total=1, cursor=job.cursor, delay=_PAUSE)
        removed = Counter[str](job.cursor["removed"])
        if user is not None and not job.cursor.get("forgotten"):
            forgotten = await self._forget_user(erased, user, removed, until)
            return Step(total=1, cursor={"removed": dict(removed), "forgotten": forgotten})
        whole = await (
            self._forget_tenant(erased, removed, until)
            if user is None
            else self._forget_exports(erased, user, removed)
        )
        if not whole:
            return Step(total=1, cursor={"removed": dict(removed)})
        log.info("erased", job_id=str(job.id))
        return Step(done=1, total=1, result=_certificate(erased, user, removed))

    async def _forget_user(
        self, tenant: str, user: str, removed: Counter[str], until: float
    ) -> bool:
        """Whether no row is left, nor an export under way that may have read one."""
        while some := await self._erasure.forget_sessions(tenant, user, most=_SESSIONS_AT_ONCE):
            removed += some
            if time.monotonic() > until:
                return False
        removed += await self._erasure.forget_user(tenant, user)
        # Afterwards, as one could be asked for all the while.
        await self._erasure.end_exports(tenant)
        return True

    async def _forget_exports(self, tenant: str, user: str, removed: Counter[str]) -> bool:
        """In a step of its own, which waits for who was writing one."""
        removed["exports"] += await self._objects.purge(export_prefix(tenant))
        await self._erasure.forget_exports(tenant, user)
        return True

    async def _forget_tenant(self, tenant: str, removed: Counter[str], until: float) -> bool:
        for kind, prefix in (
            ("originals", upload_prefix(tenant)),
            ("texts", texts_prefix(tenant)),
            ("exports", export_prefix(tenant)),
        ):
            while listed := await self._objects.list(prefix, after=prefix, most=_OBJECTS_AT_ONCE):
                for key, _ in listed:
                    if time.monotonic() > until:
                        return False
                    removed[kind] += await self._objects.purge(key, whole_key=True)
            # Of which only former versions were left.
            removed[kind] += await self._objects.purge(prefix)
        for collection in await self._every_collection():
            removed["points"] += await self._index.count_tenant(collection, tenant)
            await self._index.delete_tenant(collection, tenant)
        while some := await self._erasure.forget_rows(tenant, most=_ROWS_AT_ONCE):
            removed += some
            if time.monotonic() > until:
                return False
        await self._erasure.forget_tenant(tenant)
        return True

    async def _every_collection(self) -> list[Collection]:
        return [*await self._collections.written(), *await self._collections.former()]


def _certificate(tenant: str, user: str | None, removed: Mapping[str, int]) -> dict[str, Any]:
    """What was searched and removed, and what remains until when."""
    now = datetime.now(UTC)
    remains: list[Remains] = [
        backups(now),
        for_good("this certificate", "it names whom it is about, and nothing that they said"),
    ]
    if user is None:
        why = "what is put there is read by nobody"
        remains += [dead_letters(now), upload_forms(now, why=why)]
    return {
        "tenant_id": tenant,
        "user_id": user,
        "searched": list(_SEARCHED_FOR_TENANTS if user is None else _SEARCHED_FOR_USERS),
        "removed": dict(removed),
        "remains": remains,
        "completed_at": now.isoformat(),
    }
