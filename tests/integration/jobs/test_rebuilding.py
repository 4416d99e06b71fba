"""A rebuild whose time is short, whose documents go meanwhile, or whose worker dies."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from uuid import UUID

import pytest

from functions.ingest.deletion import Deletion
from functions.ingest.jobs import Step
from functions.ingest.rebuilding import Rebuild
from quire.domain import Collection, Job, Prices, Sparse
from quire.store.usage import UsageCounts
from tests.integration.jobs.conftest import Asked, Model, Parts, held, serve
from tests.integration.store.conftest import Owner

PAGE = 2
FIRST = str(UUID(int=0))


@pytest.fixture
async def live(parts: Parts, owner: Owner) -> AsyncIterator[Collection]:
    """A live collection that may be dropped: others still need what was served before."""
    served = await parts.collections.live()
    live = replace(served, name=f"{served.name}-stand-in")
    await serve_from(owner, live)
    await parts.index.ensure(live)
    yield live
    for collection in await parts.collections.written() + await parts.collections.former():
        await parts.index.drop(collection)
    await owner.execute("delete from jobs where kind = 'rebuild'")
    await serve_from(owner, served)


async def serve_from(owner: Owner, collection: Collection) -> None:
    await owner.execute("delete from collections")
    await owner.execute(
        "insert into collections (name, model, dimensions, live) values (%s, %s, %s, true)",
        [collection.name, collection.model, collection.dimensions],
    )


@pytest.fixture
def rebuild(parts: Parts, live: Collection) -> Rebuild:
    return Rebuild(
        objects=parts.objects,
        documents=parts.documents,
        collections=parts.collections,
        embedder=parts.embedder,
        index=parts.index,
        prover=parts.prover,
        usage=UsageCounts(parts.database),
        prices=Prices(prompt=0, cached=0, completion=0, embedding=1_000_000),
        checkpoint=PAGE,
        retire_seconds=0,
    )


@pytest.fixture
def deletion(parts: Parts, ask: Callable[[], Asked]) -> Deletion:
    return Deletion(
        objects=parts.objects,
        documents=parts.documents,
        standings=parts.standings,
        collections=parts.collections,
        index=parts.index,
        jobs=parts.jobs,
        queue=ask().queue,
    )


async def begun(parts: Parts, rebuild: Rebuild, tenant: str) -> Job:
    """A rebuild that has made its collection, and comes to that tenant's documents next."""
    job = await held(parts, tenant, "rebuild", {})
    step = await rebuild.step(tenant, job, until=time.monotonic())
    return await after(parts, tenant, Step(cursor={**step.cursor, "after": [tenant, FIRST]}))


async def after(parts: Parts, tenant: str, step: Step) -> Job:
    return await held(parts, tenant, "rebuild", step.cursor, total=step.total)


async def deleted(parts: Parts, deletion: Deletion, tenant: str, document: UUID) -> None:
    asked = await parts.jobs.request_deletion(tenant, document)
    assert asked is not None
    job = await parts.jobs.get(tenant, asked)
    step = await deletion.step(tenant, job, until=time.monotonic() + 5)
    assert step.result is not None


async def new_collection(parts: Parts) -> Collection:
    return (await parts.collections.written())[1]


async def test_a_long_document_is_filled_in_many_steps_and_paid_for_once(
    parts: Parts,
    rebuild: Rebuild,
    model: tuple[Model, str],
    tenant: str,
    document: UUID,
) -> None:
    await serve(parts, tenant, chunks=5 * PAGE)
    job = await begun(parts, rebuild, tenant)
    scripted, _ = model
    scripted.meanwhile = lambda: asyncio.sleep(0.2)
    first = await rebuild.step(tenant, job, until=time.monotonic() + 0.5)
    assert (first.result, first.cursor["after"]) == (None, [tenant, FIRST])
    new = await new_collection(parts)
    written = len(await parts.index.points(new, tenant, document))
    assert 0 < written < 5 * PAGE
    await rebuild.step(tenant, await after(parts, tenant, first), until=time.monotonic() + 9)
    assert len(await parts.index.points(new, tenant, document)) == 5 * PAGE
    asked = [text for text in scripted.texts if text.startswith("One")]
    assert len(asked) == len(set(asked)) == 5 * PAGE
    (rows,) = await parts.database.run(tenant, ("select * from usage", []))
    assert [(row["embedding_tokens"], row["cost_usd"]) for row in rows] == [(30, 30.0)]
    (kept,) = await parts.database.run(tenant, ("select key from embedding_cache", []))
    assert len(kept) == 5 * PAGE


async def test_what_is_deleted_while_it_is_embedded_does_not_come_back(
    parts: Parts,
    rebuild: Rebuild,
    deletion: Deletion,
    model: tuple[Model, str],
    tenant: str,
    document: UUID,
) -> None:
    await serve(parts, tenant)
    job = await begun(parts, rebuild, tenant)
    scripted, _ = model

    async def meanwhile() -> None:
        if scripted.texts[-1].startswith("One"):
            await deleted(parts, deletion, tenant, document)
            # The next round would see to it as well; a model is waited for for a second.
            await asyncio.sleep(until - time.monotonic())

    scripted.meanwhile = meanwhile
    until = time.monotonic() + 0.4
    await rebuild.step(tenant, job, until=until)
    assert await parts.index.points(await new_collection(parts), tenant, document) == {}
    (kept,) = await parts.database.run(tenant, ("select key from embedding_cache", []))
    assert kept == []


async def test_what_a_dead_worker_wrote_of_a_deleted_document_goes(
    parts: Parts,
    rebuild: Rebuild,
    deletion: Deletion,
    tenant: str,
    document: UUID,
) -> None:
    await serve(parts, tenant)
    job = await begun(parts, rebuild, tenant)
    new = await new_collection(parts)
    chunks = [chunk for chunk, _ in await parts.documents.served_chunks(tenant, document)]
    await deleted(parts, deletion, tenant, document)
    await parts.index.upsert(
        new, tenant, chunks, [[1.0] * new.dimensions], [Sparse(indices=[1], values=[1.0])]
    )
    await rebuild.step(tenant, job, until=time.monotonic() + 5)
    assert await parts.index.points(new, tenant, document) == {}


async def test_a_switch_that_was_not_written_down_leaves_no_old_index(
    parts: Parts, rebuild: Rebuild, live: Collection, tenant: str
) -> None:
    """The worker died after it: the step is done again, and finds the new one live."""
    job = await begun(parts, rebuild, tenant)
    switched = await rebuild.step(tenant, job, until=time.monotonic() + 9)
    assert switched.cursor["switched"]
    again = await rebuild.step(tenant, job, until=time.monotonic() + 9)
    assert again.cursor["switched"] == switched.cursor["switched"] == [live.name]
    ended = await rebuild.step(
        tenant, await after(parts, tenant, again), until=time.monotonic() + 9
    )
    assert ended.result is not None
    assert (ended.result["dropped"], await parts.collections.former()) == (live.name, [])
