"""The claim: which of many deliveries may ingest, and what becomes of the others."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest

from local.stack import Stack
from quire.domain import Chunk, DocumentStatus, Usage, chunk_id, document_id
from quire.errors import Conflict, NotFound
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.jobs import MAX_ATTEMPTS, Jobs
from tests.conftest import Tenant

Owner = psycopg.AsyncConnection[tuple[object, ...]]
MakeTenant = Callable[..., Awaitable[Tenant]]
NAME = "guide/one.md"


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    pool = Database(stack.app_url)
    yield pool
    await pool.close()


@pytest.fixture
async def tenant(make_tenant: MakeTenant) -> str:
    return (await make_tenant()).id


def digest(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()


async def claim(
    documents: Documents,
    tenant: str,
    content: str,
    *,
    sequencer: str | None = None,
    lease: float = 60,
) -> int | None:
    return await documents.claim(
        tenant,
        NAME,
        sha256=digest(content),
        sequencer=sequencer,
        metadata={"chapter": "1"},
        lease=lease,
    )


async def publish(documents: Documents, tenant: str, version: int, content: str) -> bool:
    document = document_id(tenant, NAME)
    chunk = Chunk(
        id=chunk_id(document, version, 0),
        document=document,
        version=version,
        filename=NAME,
        title="One",
        ordinal=0,
        start=0,
        end=len(content),
        text=content,
        heading=("One", "Two"),
    )
    return await documents.publish(
        tenant,
        document,
        version,
        title="One",
        sha256=digest(content),
        characters=len(content),
        chunks=[chunk],
        chunk_tokens=[3],
        model="some-model",
        usage=Usage(embedding_tokens=7),
        cost_usd=0.5,
    )


async def test_one_of_many_duplicates_gets_through(database: Database, tenant: str) -> None:
    results = await asyncio.gather(
        *(claim(Documents(database), tenant, "a") for _ in range(30)), return_exceptions=True
    )
    assert results.count(1) == 1
    assert sum(isinstance(r, Conflict) for r in results) == 29


async def test_the_same_bytes_again_change_nothing(database: Database, tenant: str) -> None:
    documents = Documents(database)
    assert await claim(documents, tenant, "a") == 1
    assert await publish(documents, tenant, 1, "a")
    before = await documents.get(tenant, document_id(tenant, NAME))
    assert await claim(documents, tenant, "a") is None
    again = await documents.register(tenant, NAME, sha256=digest("a"), metadata={})
    assert again == before
    assert (again.status, again.chunks, again.tokens) == (DocumentStatus.READY, 1, 7)


async def test_other_bytes_are_a_new_version(database: Database, tenant: str) -> None:
    documents = Documents(database)
    document = document_id(tenant, NAME)
    await claim(documents, tenant, "a")
    await publish(documents, tenant, 1, "a")
    announced = await documents.register(tenant, NAME, sha256=digest("b"), metadata={})
    assert (announced.version, announced.current_version) == (2, 1)
    assert await claim(documents, tenant, "b") == 2, "the event means the announced version"
    assert await documents.served_versions(tenant, [document]) == {document: 1}
    assert await publish(documents, tenant, 2, "b")
    assert await documents.served_versions(tenant, [document]) == {document: 2}


async def test_an_expected_upload_is_the_first_version(database: Database, tenant: str) -> None:
    documents = Documents(database)
    document = await documents.expect(tenant, NAME)
    assert (await documents.get(tenant, document)).status == DocumentStatus.AWAITING_UPLOAD
    assert await claim(documents, tenant, "a") == 1


async def test_a_dead_workers_claim_runs_out(database: Database, tenant: str) -> None:
    documents = Documents(database)
    assert await claim(documents, tenant, "a", lease=0) == 1
    assert await claim(documents, tenant, "a") == 1
    with pytest.raises(Conflict):
        await claim(documents, tenant, "a")


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [("0A", "0B", True), ("0B", "0A", False), ("0A1", "0B", True), ("0B", "0A1", False)],
)
async def test_an_older_event_comes_too_late(
    database: Database, tenant: str, first: str, second: str, taken: bool
) -> None:
    documents = Documents(database)
    await claim(documents, tenant, "a", sequencer=first)
    await publish(documents, tenant, 1, "a")
    assert (await claim(documents, tenant, "b", sequencer=second) is not None) == taken


async def test_an_overtaken_version_is_not_published(database: Database, tenant: str) -> None:
    documents = Documents(database)
    assert await claim(documents, tenant, "a") == 1
    assert await claim(documents, tenant, "b") == 2
    assert not await publish(documents, tenant, 1, "a")
    assert await publish(documents, tenant, 2, "b")


async def test_an_overtaken_version_leaves_no_row_behind(database: Database, tenant: str) -> None:
    documents, jobs = Documents(database), Jobs(database)
    document = document_id(tenant, NAME)
    await claim(documents, tenant, "a")
    assert await publish(documents, tenant, 1, "a")
    await claim(documents, tenant, "b")
    await claim(documents, tenant, "c")
    assert not await publish(documents, tenant, 2, "b")
    assert await rows_of(database, tenant) == [(1, 1)], "the served version keeps its rows"
    await jobs.request_deletion(tenant, document)
    assert not await publish(documents, tenant, 3, "c")
    assert await rows_of(database, tenant) == [(1, 1)]


async def rows_of(database: Database, tenant: str) -> list[tuple[int, int]]:
    """(version, rows) of the chunks."""
    (rows,) = await database.run(
        tenant, ("select version, count(*) as n from chunks group by version", [])
    )
    return [(row["version"], row["n"]) for row in rows]


async def test_a_failure_keeps_serving_what_was_served(database: Database, tenant: str) -> None:
    documents = Documents(database)
    document = document_id(tenant, NAME)
    await claim(documents, tenant, "a")
    await publish(documents, tenant, 1, "a")
    await claim(documents, tenant, "b")
    await documents.fail(tenant, document, 2, "This PDF is damaged.")
    seen = await documents.get(tenant, document)
    assert (seen.status, seen.error) == (DocumentStatus.FAILED, "This PDF is damaged.")
    assert await documents.served_versions(tenant, [document]) == {document: 1}


async def test_a_deleted_document_is_served_no_more_and_can_come_back(
    database: Database, tenant: str
) -> None:
    documents, jobs = Documents(database), Jobs(database)
    document = document_id(tenant, NAME)
    await claim(documents, tenant, "a")
    await publish(documents, tenant, 1, "a")
    job = await jobs.request_deletion(tenant, document)
    assert await documents.served_versions(tenant, [document]) == {}
    await jobs.finish_deletion(tenant, job, document, result={"texts": 1})
    assert (await jobs.get(tenant, job))[0].status == "done"
    assert (await documents.list(tenant, status=None, limit=5, after=None)).items == []
    with pytest.raises(NotFound):
        await jobs.request_deletion(tenant, document)
    assert await claim(documents, tenant, "a") == 2


async def test_nothing_comes_in_while_it_is_being_deleted(database: Database, tenant: str) -> None:
    documents, jobs = Documents(database), Jobs(database)
    document = document_id(tenant, NAME)
    await claim(documents, tenant, "a")
    await publish(documents, tenant, 1, "a")
    job = await jobs.request_deletion(tenant, document)
    assert await jobs.request_deletion(tenant, document) == job, "asked twice, deleted once"
    with pytest.raises(Conflict):
        await documents.register(tenant, NAME, sha256=digest("b"), metadata={})
    with pytest.raises(Conflict):
        await documents.expect(tenant, NAME)
    with pytest.raises(Conflict):
        await claim(documents, tenant, "b")


async def test_a_late_deletion_spares_what_came_back(database: Database, tenant: str) -> None:
    documents, jobs = Documents(database), Jobs(database)
    document = document_id(tenant, NAME)
    await claim(documents, tenant, "a")
    await publish(documents, tenant, 1, "a")
    job = await jobs.request_deletion(tenant, document)
    await jobs.finish_deletion(tenant, job, document, result={})
    assert await claim(documents, tenant, "b") == 2
    assert await publish(documents, tenant, 2, "b")
    await jobs.finish_deletion(tenant, job, document, result={})
    assert await documents.served_versions(tenant, [document]) == {document: 2}
    assert await rows_of(database, tenant) == [(2, 1)]


async def test_a_job_that_never_ends_fails(database: Database, tenant: str, owner: Owner) -> None:
    documents, jobs = Documents(database), Jobs(database)
    await claim(documents, tenant, "a")
    job = await jobs.request_deletion(tenant, document_id(tenant, NAME))
    for _ in range(MAX_ATTEMPTS):
        await rest(owner, tenant)
        assert (tenant, job) in await jobs.take_forgotten(most=100)
        assert (tenant, job) not in await jobs.take_forgotten(most=100), "others have their turn"
    await rest(owner, tenant)
    assert (tenant, job) not in await jobs.take_forgotten(most=100)
    assert (await jobs.get(tenant, job))[0].status == "failed"


async def rest(owner: Owner, tenant: str) -> None:
    await owner.execute(
        "update jobs set updated_at = now() - interval '1 hour' where tenant_id = %s", [tenant]
    )


async def test_pages_follow_one_another(database: Database, tenant: str) -> None:
    documents = Documents(database)
    for number in range(5):
        await documents.register(tenant, f"{number}.md", sha256=digest("x"), metadata={})
    first = await documents.list(tenant, status=None, limit=3, after=None)
    assert first.has_more
    rest = await documents.list(tenant, status=None, limit=3, after=first.items[-1].id)
    assert not rest.has_more
    names = {d.filename for page in (first, rest) for d in page.items}
    assert names == {f"{number}.md" for number in range(5)}
