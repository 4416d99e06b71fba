"""The cache of embeddings: what a model made of a text, so that it is not paid for twice."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from quire.store.database import Database, Statement

KEEP_DAYS = 30
# Half the bytes; a unit vector's cosine changes in the fourth decimal.
_STORED = np.float16


class Embeddings:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """The vectors of those keys that are kept; a key is a hash of model and text."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select key, embedding from embedding_cache
                   where key = any(%b::bytea[]) and expires_at > now()""",
                [list(keys)],
            ),
        )
        return {
            row["key"]: np.frombuffer(row["embedding"], _STORED).astype(np.float32) for row in rows
        }


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
            [np.asarray(vector, _STORED).tobytes() for _, vector in vectors.values()],
        ],
    )
