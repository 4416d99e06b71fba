"""Proof that a document is whole: chunks expected = rows in PostgreSQL = points in Qdrant."""

from uuid import UUID

from quire.domain import Collection, Proof, chunk_id
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.documents import Documents


class Prover:
    def __init__(self, *, documents: Documents, collections: Collections, index: Index) -> None:
        self._documents = documents
        self._collections = collections
        self._index = index

    async def prove(
        self, tenant: str, document: UUID, collection: Collection | None = None
    ) -> Proof:
        """Compare what is served of a document in `collection`, or else the live one.

        Versions in the making, and those that turns may still cite, do not count.
        Raises NotFound, Unavailable.
        """
        collection = collection or await self._collections.live()
        points = await self._index.points(collection, tenant, document)
        served = await self._documents.served_rows(tenant, document)
        expected = {chunk_id(document, served.version, n) for n in range(served.chunks)}
        counted = {
            point
            for point, version in points.items()
            if version == served.version or version not in served.in_flux
        }
        rows = set(served.rows)
        return Proof(
            expected=len(expected),
            rows=len(rows),
            points=len(counted),
            missing=sorted(expected - (rows & counted)),
            extra=sorted((rows | counted) - expected),
        )
