"""The claim: which of many deliveries may ingest, and what becomes of the others."""

import asyncio
from unittest.mock import ANY
from uuid import UUID

import pytest

from quire.domain import Claim, DocumentStatus, document_id
from quire.errors import Conflict, NotFound
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from quire.store.standings import Standings
from quire.store.tenants import Tenants
from tests.integration.store.conftest import (
    NAME,
    MakeTenant,
    advance,
    claim,
    commit,
    digest,
    held,
    ready,
    rows_of,
    standing,
    states_of,
)


async def test_one_of_many_duplicates_gets_it(ingestions: Ingestions, tenant: str) -> None:
    claims = await asyncio.gather(*(claim(ingestions, tenant, "a") for _ in range(30)))
    assert claims.count(Claim(id=ANY, version=1, done=0)) == 1
    assert claims.count(None) == 29


async def test_the_same_bytes_again_change_nothing(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    await ready(database, tenant, "a")
    before = await documents.get(tenant, document)
    assert await claim(ingestions, tenant, "a") is None
    assert await documents.register(tenant, NAME, sha256=digest("a"), metadata={}) == before
    assert (before.status, before.chunks, before.tokens) == (DocumentStatus.READY, 1, 7)
    assert before.metadata == {"chapter": "1"}


async def test_of_a_tenant_that_is_closed_nothing_is_ingested(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    await Tenants(database).close(tenant)
    assert await claim(ingestions, tenant, "a") is None
    assert await Standings(database).admit(tenant, ["b.md", "c.md"], share=1) == {"b.md"}
    (rows,) = await database.run(tenant, ("select 1 from documents", []))
    assert rows == []


@pytest.mark.parametrize("announced", [False, True])
async def test_bytes_that_failed_may_be_tried_again(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, announced: bool
) -> None:
    """What failed them may have been away for a while only. It is another version then."""
    given = await held(ingestions, tenant, "a")
    await commit(database, tenant, advance(tenant, 1, total=2))
    await ingestions.fail(tenant, document, given, "A service was away.")
    former = await standing(database, tenant, document)
    assert former.leftover == [1]
    if announced:
        await Documents(database).register(tenant, NAME, sha256=digest("a"), metadata={})
    given = await held(ingestions, tenant, "a")
    assert await commit(database, tenant, advance(tenant, 2))
    await Standings(database).forget_versions(tenant, document, former.leftover)
    assert await rows_of(database, tenant) == {2: 1}, "tidied up, and nothing of its successor"
    assert await states_of(database, tenant) == {1: "past", 2: "served"}
    served = await Documents(database).served_rows(tenant, document)
    assert (served.version, served.chunks) == (2, 1)


async def test_what_an_event_failed_by_it_does_not_fail_again(
    ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    """A duplicate of the event changes nothing; the same bytes put anew are read anew."""
    given = await claim(ingestions, tenant, "a", sequencer="01")
    assert given
    await ingestions.fail(tenant, document, given.id, "No.")
    assert await claim(ingestions, tenant, "a", sequencer="01") is None
    assert await claim(ingestions, tenant, "a", sequencer="02") == Claim(id=ANY, version=2, done=0)


async def test_other_bytes_are_a_new_version(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    assert await claim(ingestions, tenant, "b") == Claim(id=ANY, version=2, done=0)
    served = await Documents(database).served_versions(tenant, [document])
    assert served == {document: 1}, "until the new one is whole"
    assert await states_of(database, tenant) == {1: "served", 2: "writing"}


async def test_an_event_means_the_version_that_was_announced(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    documents = Documents(database)
    await ready(database, tenant, "a")
    announced = await documents.register(tenant, NAME, sha256=digest("b"), metadata={})
    assert (announced.version, announced.current_version) == (2, 1)
    assert await claim(ingestions, tenant, "b") == Claim(id=ANY, version=2, done=0)


async def test_an_announcement_means_the_version_of_its_event(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    """S3 may be faster than the request that put the object there."""
    await claim(ingestions, tenant, "a")
    announced = await Documents(database).register(tenant, NAME, sha256=digest("a"), metadata={})
    assert (announced.version, announced.status) == (1, DocumentStatus.EXTRACTING)
    assert await claim(ingestions, tenant, "a") is None, "its worker still has it"


async def test_an_expected_upload_is_the_first_version(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    documents = Documents(database)
    document = await documents.expect(tenant, NAME)
    assert (await documents.get(tenant, document)).status == DocumentStatus.AWAITING_UPLOAD
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=1, done=0)


async def test_an_upload_after_its_deadline_is_read_all_the_same(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    document = await Documents(database).expect(tenant, NAME)
    await ingestions.give_up(tenant, document, "Too late.")
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=1, done=0)
    assert (await Documents(database).get(tenant, document)).error is None


async def test_nothing_comes_in_while_it_is_being_deleted(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    await ready(database, tenant, "a")
    await Jobs(database).request_deletion(tenant, document)
    with pytest.raises(Conflict):
        await claim(ingestions, tenant, "b")
    with pytest.raises(Conflict):
        await documents.register(tenant, NAME, sha256=digest("b"), metadata={})
    with pytest.raises(Conflict):
        await documents.expect(tenant, NAME)
    with pytest.raises(Conflict):
        await documents.check_not_deleting(tenant, NAME)
    with pytest.raises(Conflict):
        await documents.reingest(tenant, document)


async def test_a_late_event_does_not_revive_a_deleted_document(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    jobs = Jobs(database)
    await claim(ingestions, tenant, "a", sequencer="0B")
    await commit(database, tenant, advance(tenant, 1))
    job = await jobs.request_deletion(tenant, document, sequencer="0D")
    assert job is not None
    await jobs.finish_deletion(tenant, job, document, result={})
    assert await claim(ingestions, tenant, "a", sequencer="0C") is None
    assert await claim(ingestions, tenant, "a", sequencer="0E") == Claim(id=ANY, version=2, done=0)


async def test_nobodys_object_is_nobodys_document(
    database: Database, ingestions: Ingestions
) -> None:
    assert await claim(ingestions, "t-nobody", "a") is None
    with pytest.raises(NotFound):
        await Documents(database).get("t-nobody", document_id("t-nobody", NAME))


async def test_tenants_have_names_of_their_own(
    ingestions: Ingestions, tenant: str, make_tenant: MakeTenant
) -> None:
    other = (await make_tenant()).id
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=1, done=0)
    assert await claim(ingestions, other, "a") == Claim(id=ANY, version=1, done=0)
