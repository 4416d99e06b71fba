"""The engine alone, in this process: what it takes without HTTP, and how much it finds."""

# The engine's type aliases exist in its stub alone.
from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import qdrant_edge as edge
from qdrant_client.http import models

from benchmarks.retrieval.corpus import Question
from benchmarks.retrieval.loading import collection
from local.qdrant_collections import Collection
from local.qdrant_translation import query
from quire.retrieval.filters import Filters
from quire.retrieval.points import as_queries
from quire.retrieval.retriever import CANDIDATES

_WARM = 20
_EXACT = models.SearchParams(exact=True, quantization=models.QuantizationSearchParams(ignore=True))


@dataclass(frozen=True, slots=True)
class Found:
    """Of a dense search: recall against an exact one, at 10 and all a turn asks for; seconds."""

    recall: Mapping[int, float]
    seconds: Sequence[float]


class Engine:
    """What a stopped server has left in its folder `state`."""

    def __init__(self, state: Path, dimensions: int) -> None:
        self._collection = Collection.load(state / "collections" / collection(dimensions).name)

    def hybrid(self, questions: Sequence[Question], *, filtered: bool) -> list[float]:
        """Seconds of each: both searches of a turn, without Python's share."""
        requests = [edge.QueryBatchRequest(_hybrid(one, filtered)) for one in questions]
        for request in requests[:_WARM]:
            self._collection.shard.query_batch(request)
        return [self._timed(request)[1] for request in requests]

    def dense(self, questions: Sequence[Question], params: models.SearchParams | None) -> Found:
        """Of each the tenant's nearest, found as `params` tell."""
        right = [self._dense(one, _EXACT)[0] for one in questions]
        found = [self._dense(one, params) for one in questions]
        recall = {
            depth: _share([(r[:depth], f[:depth]) for r, (f, _) in zip(right, found, strict=True)])
            for depth in (10, CANDIDATES)
        }
        return Found(recall, [seconds for _, seconds in found])

    def close(self) -> None:
        self._collection.close()

    def _dense(
        self, question: Question, params: models.SearchParams | None
    ) -> tuple[list[edge.PointId], float]:
        (wanted,) = as_queries(
            question.tenant,
            dense=question.dense,
            bm25=None,
            filters=Filters(),
            without=(),
            limit=CANDIDATES,
        )
        asked = models.QueryRequest.model_validate(wanted)
        asked = asked.model_copy(update={"params": params or asked.params})
        (points,), spent = self._timed(edge.QueryBatchRequest([query(asked)]))
        return [point.id for point in points], spent

    def _timed(self, request: edge.QueryBatchRequest) -> tuple[list[list[edge.ScoredPoint]], float]:
        began = time.perf_counter()
        found = self._collection.shard.query_batch(request)
        return found, time.perf_counter() - began


def _share(pairs: Sequence[tuple[list[edge.PointId], list[edge.PointId]]]) -> float:
    """Of what is right, how much is found."""
    return sum(len({*right} & {*found}) for right, found in pairs) / sum(len(r) for r, _ in pairs)


def _hybrid(question: Question, filtered: bool) -> list[edge.QueryRequest]:
    asked = as_queries(
        question.tenant,
        dense=question.dense,
        bm25=question.bm25,
        filters=question.filters if filtered else Filters(),
        without=(),
        limit=CANDIDATES,
    )
    return [query(models.QueryRequest.model_validate(one)) for one in asked]
