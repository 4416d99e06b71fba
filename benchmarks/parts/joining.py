"""Joining: what a turn's passages hold of what is right, for the characters that they have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.parts.search import Searcher
from benchmarks.parts.ways import DEFAULT, JOINED
from cli.evaluation import bootstrap
from cli.evaluation.asking import Hit
from cli.evaluation.bootstrap import Interval
from cli.evaluation.scoring import covered

# As a turn searches.
_DEPTH = 32
_PASSAGES = (5, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """With so many `passages`, joined; and as many chunks as have no fewer characters, question by
    question. Shares are of the right passages' characters; `characters` those of all, on average.
    """

    passages: int
    joined: Interval
    apart: Interval
    difference: Interval
    characters: tuple[float, float]


def joining(searcher: Searcher, *, seed: int) -> list[Joining]:
    """At each number of passages. With BEIR, what is right are the relevant documents, whole."""
    apart = [one.hits for one in searcher.find(DEFAULT, depth=_DEPTH, count=_DEPTH)]
    told = []
    for count in _PASSAGES:
        joined = [one.hits for one in searcher.find(JOINED, depth=_DEPTH, count=count)]
        as_long = [
            _of_length(_characters(together), single)
            for together, single in zip(joined, apart, strict=True)
        ]
        shares = np.array([_shares(searcher, joined), _shares(searcher, as_long)]).T
        figures = np.column_stack([shares, shares[:, 0] - shares[:, 1]])
        first, second, difference = bootstrap.means(figures, seed=seed)
        told.append(
            Joining(
                passages=count,
                joined=first,
                apart=second,
                difference=difference,
                characters=(
                    float(np.mean([*map(_characters, joined)])),
                    float(np.mean([*map(_characters, as_long)])),
                ),
            )
        )
    return told


def _shares(searcher: Searcher, found: Sequence[Sequence[Hit]]) -> list[float]:
    queries = searcher.corpus.dataset.queries
    return [
        covered(query.passages, hits) / sum(span.end - span.start for span in query.passages)
        for query, hits in zip(queries, found, strict=True)
    ]


def _of_length(characters: int, hits: Sequence[Hit]) -> Sequence[Hit]:
    """The first hits that have as many characters or more."""
    lengths = np.cumsum([hit.end - hit.start for hit in hits])
    return hits[: int(np.searchsorted(lengths, characters)) + 1]


def _characters(hits: Sequence[Hit]) -> int:
    return sum(hit.end - hit.start for hit in hits)
