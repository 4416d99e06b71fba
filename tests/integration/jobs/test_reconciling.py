"""What a reconciliation finds: half-begun mending, rows too many, files and points of nobody."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest

from functions.ingest.jobs import Step
from functions.ingest.reconciliation import Reconciliation
from quire.domain import Sparse, document_id
from quire.object_keys import upload_key
from tests.integration.jobs.conftest import DIMENSIONS, Asked, Parts, held, serve
from tests.integration.store.conftest import NAME, Owner


@pytest.fixture
def queues(ask: Callable[[], Asked]) -> Mapping[str, Asked]:
    return {name: ask() for name in ("documents_queue", "bulk", "maintenance")}


@pytest.fixture
def reconciliation(parts: Parts, queues: Mapping[str, Asked]) -> Reconciliation:
    return Reconciliation(
        objects=parts.objects,
        documents=parts.documents,
        standings=parts.standings,
        collections=parts.collections,
        index=parts.index,
        prover=parts.prover,
        **{name: asked.queue for name, asked in queues.items()},
    )


async def step(
    parts: Parts, reconciliation: Reconciliation, tenant: str, cursor: Mapping[str, Any]
) -> Step:
    job = await held(parts, tenant, "reconcile", cursor)
    return await reconciliation.step(tenant, job, until=time.monotonic() + 5)


async def indexed(parts: Parts, tenant: str, document: UUID) -> None:
    """Give a document that is served the points of all its rows."""
    live = await parts.collections.live()
    await parts.index.ensure(live)
    chunks = [chunk for chunk, _ in await parts.documents.served_chunks(tenant, document)]
    await parts.index.upsert(
        live,
        tenant,
        chunks,
        [[1.0] + [0.0] * (DIMENSIONS - 1) for _ in chunks],
        [Sparse(indices=[1], values=[1.0]) for _ in chunks],
    )


@pytest.mark.parametrize("broken_off", [False, True])
async def test_what_lost_its_points_is_read_again_whoever_broke_off(
    parts: Parts,
    reconciliation: Reconciliation,
    queues: Mapping[str, Asked],
    tenant: str,
    document: UUID,
    broken_off: bool,
) -> None:
    """A step that died after announcing it, before its message, is done again."""
    await serve(parts, tenant)
    if broken_off:
        await parts.documents.reingest(tenant, document)
    taken = await step(parts, reconciliation, tenant, {})
    assert taken.result is None
    assert taken.cursor["mending"] == [[str(document), NAME]]
    assert (await parts.documents.get(tenant, document)).version == 2
    assert queues["maintenance"].later() == 1, "and its watch"
    assert queues["documents_queue"].now() == [{"ingest": {"key": upload_key(tenant, NAME)}}]


async def test_what_is_being_deleted_is_left_alone(
    parts: Parts,
    reconciliation: Reconciliation,
    queues: Mapping[str, Asked],
    tenant: str,
    document: UUID,
) -> None:
    await serve(parts, tenant)
    assert await parts.jobs.request_deletion(tenant, document)
    taken = await step(parts, reconciliation, tenant, {})
    assert taken.result is not None
    assert queues["documents_queue"].now() == []


async def test_rows_that_nothing_accounts_for_are_written_anew(
    parts: Parts, reconciliation: Reconciliation, owner: Owner, tenant: str, document: UUID
) -> None:
    """As when a version's number of chunks was lost: its points are served, and stay."""
    await serve(parts, tenant)
    await indexed(parts, tenant, document)
    await owner.execute("update versions set chunks = 0 where tenant_id = %s", [tenant])
    taken = await step(parts, reconciliation, tenant, {})
    assert taken.cursor["mending"] == [[str(document), NAME]]
    assert (await parts.documents.get(tenant, document)).version == 2
    live = await parts.collections.live()
    assert len(await parts.index.points(live, tenant, document)) == 1


async def test_points_of_what_is_deleted_go(
    parts: Parts, reconciliation: Reconciliation, tenant: str, document: UUID
) -> None:
    await serve(parts, tenant)
    await indexed(parts, tenant, document)
    job = await parts.jobs.request_deletion(tenant, document)
    assert job is not None
    await parts.jobs.finish_deletion(tenant, job, document, result={})
    taken = await step(parts, reconciliation, tenant, {})
    assert taken.result == {"documents": 0, "holding": 0, "mended": 0, "failed": [], "found": 0}
    live = await parts.collections.live()
    assert await parts.index.points(live, tenant, document) == {}


async def test_files_that_nobody_knows_are_read(
    parts: Parts,
    reconciliation: Reconciliation,
    queues: Mapping[str, Asked],
    tenant: str,
) -> None:
    """Page by page; those that are known, or no uploads, are left alone."""
    await serve(parts, tenant)
    await indexed(parts, tenant, document_id(tenant, NAME))
    names = [f"a {n} é.md" for n in range(101)]
    for key in (*(upload_key(tenant, name) for name in [*names, NAME]), f"uploads/{tenant}/b/"):
        await parts.objects.put(key, b"text", content_type="text/plain", metadata={})
    taken = await step(parts, reconciliation, tenant, {})
    assert taken.result is not None
    assert taken.result["found"] == len(names)
    asked = []
    while messages := queues["bulk"].now():
        asked += [message["ingest"] for message in messages]
    assert {upload["key"] for upload in asked} == {upload_key(tenant, name) for name in names}
    assert {(upload["hop"], upload["size"]) for upload in asked} == {(0, 4)}
    seen = await parts.documents.get(tenant, document_id(tenant, names[0]))
    assert seen.status == "queued"
    assert queues["maintenance"].later() == 2
