"""A document's deletion: asked for once, and what it leaves."""

from uuid import UUID

import pytest

from quire.domain import DocumentStatus
from quire.errors import NotFound
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from tests.integration.store.conftest import (
    advance,
    claim,
    commit,
    ready,
    rows_of,
    standing,
    states_of,
)


@pytest.fixture
def documents(database: Database) -> Documents:
    return Documents(database)


async def deletion(
    jobs: Jobs, tenant: str, document: UUID, *, sequencer: str | None = None
) -> UUID:
    job = await jobs.request_deletion(tenant, document, sequencer=sequencer)
    assert job is not None
    return job


async def test_a_deletion_is_asked_for_once(
    database: Database, jobs: Jobs, documents: Documents, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    job = await deletion(jobs, tenant, document)
    assert await deletion(jobs, tenant, document) == job
    seen = await jobs.get(tenant, job)
    assert (seen.kind, seen.document, seen.total) == ("delete", document, 1)
    assert await documents.served_versions(tenant, [document]) == {}, "from now on"
    assert await states_of(database, tenant) == {1: "retired"}, "and not to be found either"


async def test_a_deletion_that_failed_is_asked_for_anew(
    database: Database, jobs: Jobs, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    job = await deletion(jobs, tenant, document)
    await jobs.fail(tenant, job, "Storage was away.")
    assert await deletion(jobs, tenant, document) != job


@pytest.mark.parametrize("there", [False, True])
async def test_what_is_not_there_is_not_deleted(
    database: Database, jobs: Jobs, tenant: str, document: UUID, there: bool
) -> None:
    if there:
        await ready(database, tenant, "a")
        job = await deletion(jobs, tenant, document)
        await jobs.finish_deletion(tenant, job, document, result={})
    with pytest.raises(NotFound):
        await jobs.request_deletion(tenant, document)


@pytest.mark.parametrize(
    ("created", "removed", "deleted"),
    [
        ("0B", "0A", False),
        ("0B", "0C", True),
        ("0B", "0B", True),
        ("0B", "0A1", False),
        ("0A1", "0B", True),
        ("0B", None, True),  # a person asks for it now
        (None, "0A", True),
    ],
)
async def test_a_removal_that_comes_late_spares_what_is_newer(
    database: Database,
    ingestions: Ingestions,
    documents: Documents,
    jobs: Jobs,
    tenant: str,
    document: UUID,
    created: str | None,
    removed: str | None,
    deleted: bool,
) -> None:
    await claim(ingestions, tenant, "a", sequencer=created)
    await commit(database, tenant, advance(tenant, 1))
    job = await jobs.request_deletion(tenant, document, sequencer=removed)
    assert (job is not None) == deleted
    assert (await documents.served_versions(tenant, [document]) == {}) == deleted


async def test_only_a_tombstone_is_left(
    database: Database, jobs: Jobs, documents: Documents, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    job = await deletion(jobs, tenant, document)
    await documents.purge(tenant, document)
    await jobs.finish_deletion(tenant, job, document, result={"removed": {"chunks": 1}})
    seen = await jobs.get(tenant, job)
    assert (seen.status, seen.done, seen.result) == ("done", 1, {"removed": {"chunks": 1}})
    tombstone = await documents.get(tenant, document)
    assert tombstone.status == DocumentStatus.DELETED
    assert (tombstone.current_version, tombstone.metadata, tombstone.chunks) == (None, {}, 0)
    assert await rows_of(database, tenant) == {}
    assert await states_of(database, tenant) == {}


async def test_what_goes_along_is_what_was_there_when_it_was_first_asked_for(
    database: Database, jobs: Jobs, tenant: str, document: UUID
) -> None:
    """Though its job failed, and another one was begun."""
    await ready(database, tenant, "a")
    first = await jobs.request_deletion(tenant, document, unwanted="old")
    assert first
    await jobs.fail(tenant, first, "Storage was away.")
    assert await jobs.request_deletion(tenant, document, unwanted="new") not in (None, first)
    assert (await standing(database, tenant, document)).unwanted == "old"


async def test_a_late_end_of_a_deletion_spares_what_came_back(
    database: Database, jobs: Jobs, documents: Documents, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    job = await deletion(jobs, tenant, document)
    await jobs.finish_deletion(tenant, job, document, result={})
    assert await ready(database, tenant, "b") == 2
    await jobs.finish_deletion(tenant, job, document, result={"late": True})
    assert await documents.served_versions(tenant, [document]) == {document: 2}
    assert await rows_of(database, tenant) == {2: 1}
    assert (await jobs.get(tenant, job)).result == {}
