"""Chunks → what a search finds: embedded, indexed and committed in rounds, across documents."""

import time
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from functions.ingest.announcing import Announcer
from functions.ingest.embedding import CachedEmbedder, Embedded, Item
from functions.ingest.work import Work
from quire.domain import Advance, Chunk, Collection, Prices, Usage
from quire.errors import Conflict
from quire.metrics import Metric, measure
from quire.observability import log
from quire.retrieval.index import Index
from quire.retrieval.lexical import weigh_document
from quire.store.collections import Collections
from quire.store.embeddings import keep_embeddings
from quire.store.ingestions import Ingestions
from quire.store.standings import Standings
from quire.store.usage import add_usage


class Indexer:
    def __init__(
        self,
        *,
        ingestions: Ingestions,
        standings: Standings,
        collections: Collections,
        embedder: CachedEmbedder,
        index: Index,
        announcer: Announcer,
        prices: Prices,
        checkpoint: int,
    ) -> None:
        """`checkpoint` is how many chunks are embedded and indexed between two commits."""
        self._ingestions = ingestions
        self._standings = standings
        self._collections = collections
        self._embedder = embedder
        self._index = index
        self._announcer = announcer
        self._prices = prices
        self._checkpoint = checkpoint

    async def index(
        self, works: Sequence[Work], *, until: float
    ) -> tuple[dict[UUID, Exception], list[Work]]:
        """Index each document whole, the small ones first, until `until` in monotonic seconds.

        Answers which failed and why (Conflict, Unavailable, …), and for which the time was short.
        """
        failed: dict[UUID, Exception] = {}
        waiting = sorted(works, key=lambda work: work.left)
        longest = 0.0
        while waiting:
            began = time.monotonic()
            if began + longest > until:
                break
            tenants = defaultdict(list)
            for work, count in _shares(waiting, self._checkpoint):
                tenants[work.tenant].append((work, count))
            for tenant, shares in tenants.items():
                failed |= await self._index_or_release(tenant, shares, until)
            waiting = [work for work in waiting if work.left and work.document not in failed]
            longest = max(longest, time.monotonic() - began)
        return failed, waiting

    async def _index_or_release(
        self, tenant: str, shares: Sequence[tuple[Work, int]], until: float
    ) -> dict[UUID, Exception]:
        try:
            overtaken = await self._index_next(tenant, shares, until)
        except Exception as error:
            for work, _ in shares:
                await self.release(work)
            return {work.document: error for work, _ in shares}
        return dict.fromkeys(overtaken, Conflict("Something newer came first."))

    async def _index_next(
        self, tenant: str, shares: Sequence[tuple[Work, int]], until: float
    ) -> list[UUID]:
        """Embed, index and commit the next chunks of one tenant's documents; the overtaken."""
        parts = [(work, work.next_chunks(count)) for work, count in shares]
        items = [
            Item(work.document, indexed_text(chunk), work.tokens(chunk))
            for work, part in parts
            for chunk in part
        ]
        chunks = [chunk for _, part in parts for chunk in part]
        terms = [weigh_document(item.text) for item in items]
        spent = [0] * len(items)
        also = []
        # The cache has them only after the commit, and a rebuild may be with the same model.
        made: dict[tuple[str, int], Embedded] = {}
        written = await self._collections.written()
        for collection in written:
            await self._index.ensure(collection)
            model = (collection.model, collection.dimensions)
            if model not in made:
                embedded = made[model] = await self._embedder.embed(
                    tenant, items, collection, seconds=max(1.0, until - time.monotonic())
                )
                spent = [a + b for a, b in zip(spent, embedded.spent, strict=True)]
                if embedded.fresh:
                    usage = Usage(embedding_tokens=sum(embedded.spent))
                    cost = self._prices.cost(usage)
                    measure(Metric.DOLLARS, cost)
                    also.append(add_usage(tenant, collection.model, usage, cost))
                    also.append(keep_embeddings(tenant, embedded.fresh))
            if time.monotonic() > until:
                raise Conflict("The time for this is over.")
            await self._index.upsert(collection, tenant, chunks, made[model].vectors, terms)
        tokens = iter(spent)
        advances = [
            self._advance(work, part, tokens=sum(next(tokens) for _ in part))
            for work, part in parts
        ]
        kept = await self._ingestions.commit(tenant, advances, written=written, also=also)
        for work, part in parts:
            work.done += len(part)
        await self._announcer.ready([w for w, _ in parts if w.document in kept and not w.left])
        overtaken = [work for work, _ in parts if work.document not in kept]
        if overtaken:
            await self._withdraw(overtaken, written)
        return [work.document for work in overtaken]

    def _advance(self, work: Work, chunks: Sequence[Chunk], *, tokens: int) -> Advance:
        return Advance(
            document=work.document,
            version=work.version,
            title=work.text.title,
            characters=len(work.text.text),
            chunks=[(chunk, work.tokens(chunk)) for chunk in chunks],
            done=work.done + len(chunks),
            total=work.total,
            tokens=tokens,
            cost_usd=self._prices.cost(Usage(embedding_tokens=tokens)),
        )

    async def _withdraw(self, works: Sequence[Work], written: Sequence[Collection]) -> None:
        """Take back what overtaken versions wrote; begin again where a collection came in."""
        changed = await self._collections.written() != list(written)
        for work in works:
            if changed:
                await self._ingestions.restart(work.tenant, work.document, work.claim)
                continue
            for standing in await self._standings.find(work.tenant, [work.document]):
                # Another worker may have finished this very version, and it may be served.
                overtaken = work.version not in (standing.version, standing.current_version)
                if overtaken or standing.status in ("deleting", "deleted"):
                    for collection in written:
                        await self._index.delete(
                            collection, work.tenant, work.document, versions=[work.version]
                        )
            # A deletion waits until nobody can write any more of it.
            await self.release(work)

    async def release(self, work: Work) -> None:
        """Whoever is given the message next may go on at once; if not, the claim runs out."""
        try:
            await self._ingestions.release(work.tenant, work.document, work.claim)
        except Exception:
            log.warning(
                "a claim was not released", tenant=work.tenant, document_id=str(work.document)
            )


def indexed_text(chunk: Chunk) -> str:
    """What both vectors are made of: where the chunk stands, then what it says."""
    place = " › ".join(dict.fromkeys((chunk.title, *chunk.heading)))
    return f"{place}\n\n{chunk.text}"


def _shares(waiting: Sequence[Work], most: int) -> list[tuple[Work, int]]:
    """How many chunks of which documents the next round takes, `most` in all."""
    shares = []
    for work in waiting:
        count = min(most, work.left)
        if not count:
            break
        shares.append((work, count))
        most -= count
    return shares
