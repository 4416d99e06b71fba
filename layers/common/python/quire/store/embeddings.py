"""The cache of embeddings: what a model made of a text, so that it is not paid for twice."""

import struct
from collections.abc import Mapping, Sequence
from uuid import UUID

from quire.store.database import Database, Statement

KEEP_DAYS = 30


class Embeddings:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str, keys: Sequence[bytes]) -> dict[bytes, Sequence[float]]:
        """The vectors of those keys that are kept; a key is a hash of model and text."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select key, embedding from embedding_cache
                   where key = any(%b::bytea[]) and expires_at > now()""",
                [list(keys)],
            ),
        )
        return {row["key"]: _unpacked(row["embedding"]) for row in rows}


def keep_embeddings(
    tenant: str, vectors: Mapping[bytes, tuple[UUID, Sequence[float]]]
) -> Statement:
    """For the transaction that keeps what they were made for; each with its text's document.

    Of a document that is deleted meanwhile nothing is kept.
    """
    return (
        """insert into embedding_cache (tenant_id, key, document_id, embedding, expires_at)
           select %s, k.key, k.document, k.embedding, now() + make_interval(days => %s)
           from unnest(%b::bytea[], %b::uuid[], %b::bytea[]) as k (key, document, embedding)
           where not exists (select from documents d where d.id = k.document
                             and d.status in ('deleting', 'deleted'))
           order by k.key -- in one order for all: two that share texts would wait for each other
           on conflict (tenant_id, key) do update set expires_at = excluded.expires_at""",
        [
            *(tenant, KEEP_DAYS, list(vectors), [document for document, _ in vectors.values()]),
            [_packed(vector) for _, vector in vectors.values()],
        ],
    )


def _packed(vector: Sequence[float]) -> bytes:
    """Half floats (IEEE 754, 16 bits): a unit vector's cosine changes in the fourth decimal."""
    return struct.pack(f"<{len(vector)}e", *vector)


def _unpacked(stored: bytes) -> Sequence[float]:
    return struct.unpack(f"<{len(stored) // 2}e", stored)
