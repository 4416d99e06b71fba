"""Documents as they are announced, listed, read again and taken apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import ANY
from uuid import UUID

import pytest

from quire.domain import Claim, DocumentStatus, ServedRows, document_id
from quire.errors import Conflict, NotFound
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.embeddings import Embeddings, keep_embeddings
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from tests.integration.store.conftest import (
    MakeTenant,
    Owner,
    advance,
    claim,
    commit,
    digest,
    held,
    ready,
    rows_of,
)

NONE = UUID(int=0)


async def test_read_again_it_is_a_new_version_of_the_same_bytes(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    await ready(database, tenant, "a")
    again = await documents.reingest(tenant, document)
    assert (again.version, again.current_version) == (2, 1)
    assert (again.status, again.done, again.total) == (DocumentStatus.QUEUED, 0, 0)
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=2, done=0)
    await commit(database, tenant, advance(tenant, 2, tokens=0))
    seen = await documents.get(tenant, document)
    assert (seen.current_version, seen.tokens) == (2, 7)


async def test_what_failed_can_be_read_again(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    given = await held(ingestions, tenant, "a")
    await ingestions.fail(tenant, document, given, "The model was away.")
    assert (await Documents(database).reingest(tenant, document)).error is None
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=2, done=0)


async def test_while_it_is_in_flight_it_is_not_read_again(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    await claim(ingestions, tenant, "a")
    with pytest.raises(Conflict):
        await documents.reingest(tenant, document)
    await commit(database, tenant, advance(tenant, 1, total=2))
    with pytest.raises(Conflict):
        await documents.reingest(tenant, document)
    expected = await documents.expect(tenant, "expected.md")
    with pytest.raises(Conflict):
        await documents.reingest(tenant, expected)


async def test_what_is_gone_is_not_read_again(
    database: Database, tenant: str, document: UUID
) -> None:
    documents, jobs = Documents(database), Jobs(database)
    with pytest.raises(NotFound):
        await documents.reingest(tenant, NONE)
    await ready(database, tenant, "a")
    job = await jobs.request_deletion(tenant, document)
    assert job is not None
    await jobs.finish_deletion(tenant, job, document, result={})
    with pytest.raises(NotFound):
        await documents.reingest(tenant, document)


async def test_rows_of_a_document_that_was_never_served(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    with pytest.raises(NotFound):
        await documents.served_rows(tenant, document)
    await claim(ingestions, tenant, "a")
    await commit(database, tenant, advance(tenant, 1, total=2))
    nothing = ServedRows(version=0, chunks=0, rows=[], in_flux=frozenset({1}))
    assert await documents.served_rows(tenant, document) == nothing
    assert await documents.served_chunks(tenant, document) == []


async def test_chunks_are_told_as_they_were_indexed(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    await claim(ingestions, tenant, "a")
    # Out of order, as a commit in parts may be written.
    await commit(database, tenant, advance(tenant, 1, chunks=[1, 0], total=3))
    rest = advance(tenant, 1, chunks=[2], total=3)
    await commit(database, tenant, rest)
    chunks = await documents.served_chunks(tenant, document)
    assert [chunk.ordinal for chunk, _ in chunks] == [0, 1, 2]
    ((told, _),) = rest.chunks
    last, tokens = chunks[2]
    assert tokens == 3
    assert last.with_text("000 001 002") == replace(told, metadata={"chapter": "1"})


async def test_a_purge_takes_all_words_and_counts_them(
    database: Database, tenant: str, document: UUID, owner: Owner
) -> None:
    documents, embeddings = Documents(database), Embeddings(database)
    await ready(database, tenant, "a")
    await ready(database, tenant, "b", name="other.md")
    mine, others = digest("mine"), digest("others")
    await database.run(
        tenant, keep_embeddings(tenant, {mine: (document, [1.0]), others: (NONE, [1.0])})
    )
    await owner.execute(
        "insert into answer_cache values (%s, %s, '{}', now() + interval '1 day')", [tenant, mine]
    )
    gone = await documents.purge(tenant, document)
    assert gone == {"chunks": 1, "embeddings": 1, "answers": 1}
    assert await rows_of(database, tenant) == {1: 1}, "another document's"
    assert set(await embeddings.get(tenant, [mine, others])) == {others}
    assert await documents.purge(tenant, document) == dict.fromkeys(gone, 0)


async def test_pages_follow_one_another(database: Database, tenant: str) -> None:
    documents = Documents(database)
    names = {f"{number}.md" for number in range(5)}
    for name in names:
        await documents.register(tenant, name, sha256=digest("x"), metadata={})
    first = await documents.list(tenant, status=None, limit=3, after=None)
    rest = await documents.list(tenant, status=None, limit=3, after=first.items[-1].id)
    assert (first.has_more, rest.has_more) == (True, False)
    assert [len(first.items), len(rest.items)] == [3, 2]
    assert {d.filename for page in (first, rest) for d in page.items} == names


async def test_lists_are_by_status_and_without_tombstones(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents, jobs = Documents(database), Jobs(database)
    await ready(database, tenant, "a")
    await claim(ingestions, tenant, "a", name="under way.md")
    job = await jobs.request_deletion(tenant, document)
    assert job is not None
    await jobs.finish_deletion(tenant, job, document, result={})

    async def named(status: DocumentStatus | None) -> list[str]:
        page = await documents.list(tenant, status=status, limit=9, after=None)
        return [d.filename for d in page.items]

    assert await named(None) == await named(DocumentStatus.EXTRACTING) == ["under way.md"]
    assert await named(DocumentStatus.READY) == []
    assert await named(DocumentStatus.DELETED) == ["guide/one.md"]
    assert await documents.count(tenant) == 1


async def test_what_an_index_is_filled_with_comes_page_by_page(
    database: Database, ingestions: Ingestions, make_tenant: MakeTenant
) -> None:
    """What is served of all tenants, and what changed meanwhile, whatever it is now."""
    collections = Collections(database)
    never = datetime.now(UTC) + timedelta(days=1)
    tenants = [(await make_tenant()).id for _ in range(2)]
    before = await collections.count_documents()
    for tenant in tenants:
        for number in range(2):
            await ready(database, tenant, "a", name=f"{number}.md")
        await claim(ingestions, tenant, "a", name="under way.md")
    assert await collections.count_documents() == before + 4
    found: list[tuple[str, UUID]] = []
    while page := await collections.documents_to_fill(
        since=never, after=found[-1] if found else ("", NONE), most=3
    ):
        found += page
    assert len(found) == len(set(found)) == before + 4
    assert [tenant for tenant, _ in found if tenant in tenants] == [
        *(2 * [min(tenants)] + 2 * [max(tenants)])
    ]
    (rows,) = await database.run(None, ("select now() as at", []))
    jobs, gone = Jobs(database), document_id(tenants[0], "0.md")
    job = await jobs.request_deletion(tenants[0], gone)
    assert job is not None
    await jobs.finish_deletion(tenants[0], job, gone, result={})

    async def first(since: datetime) -> list[tuple[str, UUID]]:
        before = (tenants[0], NONE)
        return await collections.documents_to_fill(since=since, after=before, most=3)

    assert (tenants[0], gone) not in await first(never)
    assert (tenants[0], gone) in await first(rows[0]["at"])
