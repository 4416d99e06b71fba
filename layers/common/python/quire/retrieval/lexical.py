"""BM25 as a dot product: term weights on both sides, inverse document frequency on the server.

A document's weight for a term is tf·(k1+1) / (tf + k1·(1 − b + b·length/average)), after
Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); a query's
is 1. Qdrant's IDF modifier multiplies the rest in.
"""

import hashlib
from collections import Counter
from functools import lru_cache

from quire.domain import Sparse
from quire.retrieval.analysis import terms

K1 = 0.9
B = 0.4
# Terms in a typical chunk; only its rough size matters to the normalisation.
AVERAGE_LENGTH = 110


def weigh_document(text: str) -> Sparse:
    counts = Counter(map(_id, terms(text)))
    length = sum(counts.values())
    norm = K1 * (1 - B + B * length / AVERAGE_LENGTH)
    return Sparse(
        indices=list(counts), values=[tf * (K1 + 1) / (tf + norm) for tf in counts.values()]
    )


def weigh_query(question: str) -> Sparse:
    ids = list(dict.fromkeys(map(_id, terms(question))))
    return Sparse(indices=ids, values=[1.0] * len(ids))


@lru_cache(maxsize=100_000)
def _id(term: str) -> int:
    """32 bits of a term's hash, as sparse indices are unsigned 32-bit."""
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=4).digest(), "big")
