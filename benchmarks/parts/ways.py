"""What is left out, a part at a time, and what is put in that is off."""

from benchmarks.parts.search import Way
from quire.retrieval.ranking import HYBRID, Blend

_WORDS, _MEANING = frozenset({"words"}), frozenset({"meaning"})

DEFAULT = Way(name="default")
WAYS = [
    DEFAULT,
    Way(name="without meaning: BM25 alone", blend=Blend(dense=0, join=False)),
    Way(name="without words: the embedding alone", blend=Blend(dense=1, join=False)),
    Way(name="ranks fused and not scores (RRF)", blend=Blend(by_rank=True, join=False)),
    *(
        Way(name=f"meaning's share {share}", blend=Blend(dense=share, join=False))
        for share in (0.4, 0.5, 0.55, 0.65, 0.7)
    ),
    Way(name="no headings in words", headed=_MEANING),
    Way(name="no headings in meaning", headed=_WORDS),
    Way(name="no headings at all", headed=frozenset()),
    Way(name="BM25 alone, no headings", blend=Blend(dense=0, join=False), headed=frozenset()),
    Way(name="embedding alone, no headings", blend=Blend(dense=1, join=False), headed=frozenset()),
    Way(name="MMR, 0.1", blend=Blend(diversity=0.1, join=False)),
    Way(name="MMR, 0.3", blend=Blend(diversity=0.3, join=False)),
]
JOINED = Way(name="joined", blend=HYBRID)
# A configuration that is told against another than the default.
AGAINST = {
    "BM25 alone, no headings": "without meaning: BM25 alone",
    "embedding alone, no headings": "without words: the embedding alone",
}
