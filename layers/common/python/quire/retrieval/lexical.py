"""BM25 as a dot product: term weights on both sides, inverse document frequency on the server.

A document's weight for a term is tf·(k1+1) / (tf + k1·(1 − b + b·length/average)), after
Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); a query's
is 1. Qdrant's IDF modifier multiplies the rest in.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from functools import lru_cache

import Stemmer

from quire.domain import Sparse

K1 = 0.9
B = 0.4
# Terms in a typical chunk; only its rough size matters to the normalisation.
AVERAGE_LENGTH = 110

_WORD = re.compile(r"\w+")
_STEMMER = Stemmer.Stemmer("english")
_COMMON = """a an and are as at be but by can could did do does for from has have how i if in into
is it its of on or should such that the their then there these they this to was we were what when
where which who why will with would you your"""
_STOP_WORDS = frozenset(_COMMON.split())


def weigh_document(text: str) -> Sparse:
    counts = Counter(_terms(text))
    length = sum(counts.values())
    norm = K1 * (1 - B + B * length / AVERAGE_LENGTH)
    return Sparse(
        indices=list(counts), values=[tf * (K1 + 1) / (tf + norm) for tf in counts.values()]
    )


def weigh_query(question: str) -> Sparse:
    terms = list(dict.fromkeys(_terms(question)))
    return Sparse(indices=terms, values=[1.0] * len(terms))


def _terms(text: str) -> list[int]:
    return [_term(word) for word in _WORD.findall(_fold(text)) if word not in _STOP_WORDS]


def _fold(text: str) -> str:
    """Case and accents folded: 'Éclair' and 'eclair' are one term."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=100_000)
def _term(word: str) -> int:
    """A term's id: 32 bits of a hash of its stem, as sparse indices are unsigned 32-bit."""
    stem: str = _STEMMER.stemWord(word)
    return int.from_bytes(hashlib.blake2b(stem.encode(), digest_size=4).digest(), "big")
