"""A new index beside the old: filled, proven, switched to in one row, then the old one dropped."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from functions.ingest.embedding import CachedEmbedder, Item
from functions.ingest.indexing import indexed_text
from functions.ingest.jobs import Step, Steps
from functions.ingest.proving import Prover
from quire.domain import Chunk, Collection, Job, Prices, Usage
from quire.errors import Invalid, NotFound, Unavailable
from quire.metrics import Metric, measure
from quire.objects import Objects
from quire.observability import log
from quire.retrieval.index import Index
from quire.retrieval.lexical import weigh_document
from quire.store.collections import Collections
from quire.store.documents import Documents
from quire.store.embeddings import keep_embeddings
from quire.store.usage import UsageCounts, add_usage

_PAGE = 100
# Documents change while they are proven; each time around there are fewer to be filled in.
_ROUNDS = 10


class Rebuild(Steps):
    def __init__(
        self,
        *,
        objects: Objects,
        documents: Documents,
        collections: Collections,
        embedder: CachedEmbedder,
        index: Index,
        prover: Prover,
        usage: UsageCounts,
        prices: Prices,
        checkpoint: int,
        retire_seconds: float,
    ) -> None:
        """`checkpoint` is how many chunks are embedded and indexed at a time; turns that began
        with the old collection have ended after `retire_seconds`."""
        self._objects = objects
        self._documents = documents
        self._collections = collections
        self._embedder = embedder
        self._index = index
        self._prover = prover
        self._usage = usage
        self._prices = prices
        self._checkpoint = checkpoint
        self._retire_seconds = retire_seconds

    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Fill what the new collection lacks of all tenants' documents, until it lacks nothing.

        A round that found nothing lacking wrote nothing: what others deleted before it is gone.
        """
        cursor: dict[str, Any] = {"after": ["", str(UUID(int=0))], "round": 0, "lacked": 0}
        cursor |= job.cursor
        if "switched" in cursor:
            return await self._drop(job, cursor)
        new = await self._begin(job, cursor)
        total = await self._collections.count_documents()
        done = job.done if job.cursor else 0
        while True:
            tenant_before, document_before = cursor["after"]
            page = await self._collections.documents_to_fill(
                since=job.created_at, after=(tenant_before, UUID(document_before)), most=_PAGE
            )
            for owner, document in page:
                lacked = None
                if time.monotonic() < until:
                    lacked = await self._fill(owner, document, new, until)
                if lacked is None:
                    return Step(done=min(done, total), total=total, cursor=cursor)
                cursor["lacked"] += lacked
                cursor["after"] = [owner, str(document)]
                done += 1
            if page:
                continue
            if not cursor["lacked"]:
                break
            if cursor["round"] == _ROUNDS:
                raise Invalid("The new index would not hold still; try it again.", field="kind")
            cursor |= {"after": ["", str(UUID(int=0))], "lacked": 0, "round": cursor["round"] + 1}
        await self._collections.switch(new.name)
        cursor |= {
            "switched": [former.name for former in await self._collections.former()],
            "documents": total,
            "chunks": await self._index.count(new),
        }
        # Turns that began with the old one may still search it.
        return Step(done=total, total=total, cursor=cursor, delay=self._retire_seconds)

    async def _begin(self, job: Job, cursor: dict[str, Any]) -> Collection:
        live = await self._collections.live()
        model = job.request.get("model", live.model)
        dimensions = job.request.get("dimensions", live.dimensions)
        slug = "".join(c if c.isalnum() else "-" for c in model.lower())
        new = Collection(
            name=f"quire-{slug}-{dimensions}{_mark(job)}", model=model, dimensions=dimensions
        )
        if "begun" not in cursor:
            # A model that does not answer as asked is noticed before anything is built.
            await self._embedder.probe(new)
            for unfinished in (await self._collections.written())[1:]:
                if unfinished != new:
                    await self._abandon(unfinished)
            await self._index.ensure(new, points=await self._index.count(live))
            await self._collections.build(new)
            cursor["begun"] = True
        return new

    async def abandon(self, job: Job) -> None:
        for unfinished in (await self._collections.written())[1:]:
            if unfinished.name.endswith(_mark(job)):
                await self._abandon(unfinished)

    async def _abandon(self, unfinished: Collection) -> None:
        """Have no more written to a collection that a job given up began to fill."""
        await self._collections.forget(unfinished.name)
        try:
            await self._index.drop(unfinished)
        except Unavailable as error:
            log.warning("a collection is left behind", name=unfinished.name, exc_info=error)

    async def _fill(self, tenant: str, document: UUID, new: Collection, until: float) -> int | None:
        """Give the new collection what it lacks of a document, and take what it has too much.

        How many chunks it lacked; None when the time is too short for all of them.
        """
        try:
            proof = await self._prover.prove(tenant, document, new)
            if proof.extra:
                await self._index.delete_points(new, tenant, proof.extra)
            missing = set(proof.missing)
            served = await self._documents.served_chunks(tenant, document) if missing else ()
            lacked = [pair for pair in served if pair[0].id in missing]
            if not lacked:
                return 0
            text = await self._objects.get_text(tenant, document, lacked[0][0].version)
        except NotFound:
            return 0  # deleted meanwhile
        for start in range(0, len(lacked), self._checkpoint):
            # What is written already is not lacked the next time.
            if start and time.monotonic() > until:
                return None
            part = [
                (chunk.with_text(text), tokens)
                for chunk, tokens in lacked[start : start + self._checkpoint]
            ]
            if not await self._write(tenant, part, new, until):
                break
        return len(lacked)

    async def _write(
        self, tenant: str, part: Sequence[tuple[Chunk, int]], new: Collection, until: float
    ) -> bool:
        """Embed and index chunks of one document; whether they are still what is served of it."""
        document, version = part[0][0].document, part[0][0].version
        items = [Item(document, indexed_text(chunk), tokens) for chunk, tokens in part]
        embedded = await self._embedder.embed(
            tenant, items, new, seconds=max(1.0, until - time.monotonic())
        )
        if embedded.fresh:
            usage = Usage(embedding_tokens=sum(embedded.spent))
            cost = self._prices.cost(usage)
            measure(Metric.DOLLARS, cost)
            await self._usage.add(
                tenant,
                add_usage(tenant, new.model, usage, cost),
                keep_embeddings(tenant, embedded.fresh),
            )
        await self._index.upsert(
            new,
            tenant,
            [chunk for chunk, _ in part],
            embedded.vectors,
            [weigh_document(item.text) for item in items],
        )
        # Who deleted it meanwhile did not see these; should we not come this far, the next
        # round finds them.
        served = await self._documents.served_versions(tenant, [document])
        if served.get(document) == version:
            return True
        await self._index.delete(new, tenant, document, versions=[version])
        return False

    async def _drop(self, job: Job, cursor: dict[str, Any]) -> Step:
        for former in await self._collections.former():
            await self._index.drop(former)
            await self._collections.forget(former.name)
        live = await self._collections.live()
        return Step(
            done=job.total,
            total=job.total,
            result={
                "collection": live.name,
                "model": live.model,
                "dimensions": live.dimensions,
                "documents": cursor["documents"],
                "chunks": cursor["chunks"],
                "dropped": ", ".join(cursor["switched"]),
            },
        )


def _mark(job: Job) -> str:
    """What the name of the collection that a job fills ends with."""
    return f"-{job.id.hex[-8:]}"
