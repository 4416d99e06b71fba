"""Scores, question by question. The ranking metrics are those of ir-measures.

Chunks are ranked; what is scored are documents, each where its first chunk is, or, where a dataset
names passages, the passage, which is where the first chunk is that holds half of it or more.
https://ir-measur.es
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from cli.evaluation.asking import DEPTH, Found, Hit
from cli.evaluation.bootstrap import Floats
from cli.evaluation.dataset import Dataset, Query, Span, Unit

CUTOFFS = (1, 5, 10, 100)
_RANKING = {"nDCG@10": nDCG @ 10, "MRR@10": RR @ 10} | {f"recall@{k}": R @ k for k in CUTOFFS}
# Of a passage's characters; in two pieces of it, one holds as much.
_HELD = 0.5
_PASSAGE = "the passage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """`metrics` by name: one score from 0 to 1 a question (n).

    `curve` is recall@1 to recall@100 (n, 100). `ranks` is where the first relevant document or
    passage came, from 1; None if not at all.
    """

    metrics: Mapping[str, Floats]
    curve: Floats
    ranks: Sequence[int | None]


def measured(dataset: Dataset) -> list[str]:
    """The names of what `score` will measure."""
    return [*_RANKING, *(f"{kind} recall@{k}" for kind in _shares(dataset) for k in CUTOFFS)]


def score(dataset: Dataset, found: Sequence[Found]) -> Scores:
    """`found` in the order of the dataset's queries."""
    pairs = list(zip(dataset.queries, found, strict=True))
    rankings = [ranking(query, one.hits, unit=dataset.unit) for query, one in pairs]
    golds = [_gold(query, unit=dataset.unit) for query in dataset.queries]
    metrics = _ranking_metrics(dataset.queries, rankings, golds)
    for kind, share in _shares(dataset).items():
        for k in CUTOFFS:
            values = [share(query, one.hits[:k]) for query, one in pairs]
            metrics[f"{kind} recall@{k}"] = np.array(values)
    return Scores(
        metrics=metrics,
        curve=np.array([_recalls(*each) for each in zip(rankings, golds, strict=True)]),
        ranks=[
            next((rank for rank, item in enumerate(ranked, start=1) if item in gold), None)
            for ranked, gold in zip(rankings, golds, strict=True)
        ],
    )


def ranking(query: Query, hits: Sequence[Hit], *, unit: Unit) -> list[str]:
    """The documents, or the passage among chunks, in the order they were first found."""
    if unit == "document":
        return list(dict.fromkeys(hit.document for hit in hits))
    items = (_PASSAGE if is_right(query, hit, unit=unit) else hit.chunk for hit in hits)
    return list(dict.fromkeys(items))


def is_right(query: Query, hit: Hit, *, unit: Unit) -> bool:
    """Whether the chunk is of a relevant document, or holds half of a passage or more."""
    if unit == "document":
        return hit.document in query.relevant
    lengths = ((span, span.end - span.start) for span in query.passages)
    return any(covered([span], [hit]) >= _HELD * length for span, length in lengths)


def covered(spans: Sequence[Span], hits: Sequence[Hit]) -> int:
    """How many characters of the spans are in any of the chunks."""
    total = 0
    for span in spans:
        reached = span.start
        parts = [(hit.start, hit.end) for hit in hits if hit.document == span.document]
        for start, end in sorted(parts):
            start, end = max(start, reached), min(end, span.end)
            total += max(0, end - start)
            reached = max(reached, end)
    return total


def _shares(dataset: Dataset) -> dict[str, Callable[[Query, Sequence[Hit]], float]]:
    """What can be covered: a metric is measured for all questions or for none."""
    shares: dict[str, Callable[[Query, Sequence[Hit]], float]] = {}
    if all(query.passages or query.quote for query in dataset.queries):
        shares["excerpt"] = _passages_covered
    if all(query.answers for query in dataset.queries):
        shares["answer"] = _answer_covered
    return shares


def _ranking_metrics(
    queries: Sequence[Query],
    rankings: Sequence[Sequence[str]],
    golds: Sequence[Mapping[str, int]],
) -> dict[str, Floats]:
    places = {query.id: place for place, query in enumerate(queries)}
    # Falling scores without ties: trec_eval orders by score, not as it was given.
    scored = {
        query.id: {item: float(-rank) for rank, item in enumerate(ranked)}
        for query, ranked in zip(queries, rankings, strict=True)
    }
    qrels = {query.id: dict(gold) for query, gold in zip(queries, golds, strict=True)}
    names = {measure: name for name, measure in _RANKING.items()}
    metrics: dict[str, Floats] = {name: np.zeros(len(queries)) for name in _RANKING}
    for one in ir_measures.iter_calc(list(names), qrels, scored):
        metrics[names[one.measure]][places[one.query_id]] = one.value
    return metrics


def _gold(query: Query, *, unit: Unit) -> Mapping[str, int]:
    return query.relevant if unit == "document" else {_PASSAGE: 1}


def _recalls(ranked: Sequence[str], gold: Mapping[str, int]) -> Floats:
    """Recall at every depth from 1 to DEPTH."""
    relevant = np.zeros(DEPTH)
    for place, item in enumerate(ranked[:DEPTH]):
        relevant[place] = item in gold
    recalls: Floats = np.cumsum(relevant) / len(gold)
    return recalls


def _passages_covered(query: Query, hits: Sequence[Hit]) -> float:
    return covered(query.passages, hits) / sum(span.end - span.start for span in query.passages)


def _answer_covered(query: Query, hits: Sequence[Hit]) -> float:
    return max(covered([span], hits) / (span.end - span.start) for span in query.answers)
