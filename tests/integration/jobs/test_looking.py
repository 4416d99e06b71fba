"""Deadlines that cannot be seen to, and what a recovery looks up."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest

from functions.ingest.announcing import Announcer
from functions.ingest.deadlines import Deadlines
from functions.ingest.pausing import spent
from quire.domain import Limits, document_id
from quire.object_keys import upload_key
from quire.retrieval.index import Index
from quire.store.database import Database
from quire.store.limits import RateLimits
from quire.store.standings import Standings
from tests.integration.jobs.conftest import Asked, Parts, serve
from tests.integration.store.conftest import NAME, Owner, claim

LONG_AGO = "now() - interval '7 hours'"


@dataclass
class Watch:
    deadlines: Deadlines
    documents: Asked
    maintenance: Asked

    async def look(self, tenant: str, documents: Sequence[UUID]) -> None:
        await self.deadlines.look({tenant: documents}, until=time.monotonic() + 5)


Make = Callable[[Standings, Index], Watch]


@pytest.fixture
def make(parts: Parts, ask: Callable[[], Asked]) -> Make:
    def watch(standings: Standings, index: Index) -> Watch:
        documents, bulk, maintenance = ask(), ask(), ask()
        deadlines = Deadlines(
            objects=parts.objects,
            ingestions=parts.ingestions,
            standings=standings,
            jobs=parts.jobs,
            collections=parts.collections,
            index=index,
            documents_queue=documents.queue,
            bulk=bulk.queue,
            maintenance=maintenance.queue,
            announcer=Announcer(None),
            retire_seconds=0,
            idle_seconds=600,
        )
        return Watch(deadlines, documents, maintenance)

    return watch


@pytest.fixture
def watch(parts: Parts, make: Make) -> Watch:
    return make(parts.standings, parts.index)


@pytest.fixture
async def nowhere() -> AsyncIterator[Index]:
    index = Index("http://127.0.0.1:1", api_key=None, timeout=1)
    yield index
    await index.close()


async def forgotten(parts: Parts, owner: Owner, tenant: str, name: str) -> UUID:
    """A document whose worker died long ago, with its original."""
    await claim(parts.ingestions, tenant, "a", name=name, lease=-1)
    await owner.execute(
        f"update documents set updated_at = {LONG_AGO} where tenant_id = %s and filename = %s",
        [tenant, name],
    )
    key = upload_key(tenant, name)
    await parts.objects.put(key, b"a", content_type="text/plain", metadata={})
    return document_id(tenant, name)


async def test_one_that_cannot_be_tidied_stands_in_nobodys_way(
    parts: Parts, owner: Owner, make: Make, nowhere: Index, tenant: str, document: UUID
) -> None:
    await serve(parts, tenant)
    await owner.execute(
        "update versions set state = 'retired', retired_at = now() - interval '1 s'"
    )
    other = await forgotten(parts, owner, tenant, "other.md")
    watch = make(parts.standings, nowhere)
    await watch.look(tenant, [document, other])
    assert watch.documents.now() == [{"ingest": {"key": upload_key(tenant, "other.md")}}]
    assert watch.maintenance.later() == 1, "both are looked at again"


async def test_no_outage_ends_a_watch(
    parts: Parts, make: Make, tenant: str, document: UUID
) -> None:
    database = Database("postgresql://quire_app@127.0.0.1:1/none", timeout=0.2)
    watch = make(Standings(database), parts.index)
    assert await spent([tenant], RateLimits(database, Limits(key_requests=1, requests=1))) == set()
    await watch.look(tenant, [document])
    assert watch.maintenance.later() == 1
    await database.close()


async def test_what_there_was_no_time_for_is_looked_at_next(
    parts: Parts, owner: Owner, watch: Watch, tenant: str
) -> None:
    document = await forgotten(parts, owner, tenant, NAME)
    await watch.deadlines.look({tenant: [document]}, until=time.monotonic())
    assert (watch.documents.now(), watch.maintenance.later()) == ([], 1)


async def test_a_leftover_waits_for_who_is_writing_and_is_not_asked_after_each_second(
    parts: Parts, owner: Owner, watch: Watch, tenant: str, document: UUID
) -> None:
    await serve(parts, tenant)
    await claim(parts.ingestions, tenant, "b")
    await owner.execute(
        f"""update versions set state = 'retired', retired_at = {LONG_AGO}
            where tenant_id = %s and version = 1""",
        [tenant],
    )
    await watch.look(tenant, [document])
    await asyncio.sleep(1.5)
    assert (watch.maintenance.now(), watch.maintenance.later()) == ([], 1)


async def test_a_file_that_is_gone_is_the_cause(
    parts: Parts, owner: Owner, watch: Watch, tenant: str
) -> None:
    document = await forgotten(parts, owner, tenant, NAME)
    await parts.objects.delete(upload_key(tenant, NAME))
    await watch.look(tenant, [document])
    seen = await parts.documents.get(tenant, document)
    assert (seen.status, seen.error) == (
        "failed",
        "The file is not there any more; upload it again.",
    )


async def test_a_recovery_forgets_nobody(
    parts: Parts, owner: Owner, watch: Watch, tenant: str
) -> None:
    """However many there are: they come in pages."""
    many = 1_001
    await owner.execute(
        """insert into documents (tenant_id, id, filename, title, version, status)
           select %s, gen_random_uuid(), n::text, '', 1, 'queued'
           from generate_series(1, %s) as n""",
        [tenant, many],
    )
    await owner.execute(
        """insert into jobs (tenant_id, id, kind, status)
           select %s, gen_random_uuid(), n::text, 'queued' from generate_series(1, 3) as n""",
        [tenant],
    )
    try:
        await watch.deadlines.recover(until=time.monotonic() + 5)
        named: set[str] = set()
        jobs: set[str] = set()
        while messages := watch.maintenance.now():
            named.update(*(message.get("watch", {}).get(tenant, []) for message in messages))
            asked = [message["job"] for message in messages if "job" in message]
            jobs.update(job["id"] for job in asked if job["tenant"] == tenant)
    finally:
        await owner.execute("delete from documents where tenant_id = %s", [tenant])
        await owner.execute("delete from jobs where tenant_id = %s", [tenant])
    assert (len(named), len(jobs)) == (many, 3)
    assert watch.maintenance.later() >= 3, "each has its watch"
