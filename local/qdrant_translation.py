"""Qdrant's REST models ↔ the classes of its engine, `qdrant_edge`; pure functions.

What the engine cannot do, or Quire does not use, is refused and never quietly left out.
"""

# The engine's type aliases exist in its stub alone.
from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge
from pydantic import BaseModel
from qdrant_client.http import models

# The default of Qdrant itself (`DEFAULT_RRF_K` in its reciprocal_rank_fusion.rs). Ranks count
# from zero there: a point adds 1 / (k + rank), and with a weight 1 / (k - 1 + (rank + 1) / weight).
RRF_K = 2
DEFAULT_LIMIT = 10


class Refused(Exception):
    """A request that cannot be answered; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def unsupported(what: str) -> Refused:
    return Refused(
        501, f"Not supported by the laptop's Qdrant: {what}. Set QDRANT_URL to use a real one."
    )


def require_only(body: BaseModel, *supported: str) -> None:
    """Raises Refused if the request sets any other field."""
    for name in body.model_fields_set:
        if name not in supported and getattr(body, name) is not None:
            raise unsupported(f"{name} in {type(body).__name__}")


def point_id(value: int | str | UUID) -> int | UUID:
    try:
        return value if isinstance(value, int) and value >= 0 else UUID(str(value))
    except ValueError:
        raise Refused(400, f"{value} is no point id; give an unsigned integer or a UUID.") from None


def point_ids(values: Sequence[int | str | UUID]) -> list[edge.PointId]:
    return [point_id(value) for value in values]


def point(value: models.PointStruct) -> edge.Point:
    if not isinstance(value.vector, dict):
        raise unsupported("a vector without a name")
    vectors: edge.Vector = {name: vector(item) for name, item in value.vector.items()}
    return edge.Point(point_id(value.id), vectors, value.payload)


def vector(value: object) -> list[float] | edge.SparseVector:
    match value:
        case models.SparseVector(indices=indices, values=values):
            # The engine would take either without a word.
            if len(indices) != len(values) or len(indices) != len(set(indices)):
                raise Refused(422, "Give a sparse vector one value for each of unique indices.")
            return edge.SparseVector(indices, values)
        case list() if not (value and isinstance(value[0], list)):
            return value
    raise unsupported(f"the vector {str(value)[:80]}")


def query(value: models.QueryRequest) -> edge.QueryRequest:
    require_only(value, *_STAGE, "offset", "with_payload", "with_vector")
    return edge.QueryRequest(
        **_stage(value),
        offset=value.offset,
        with_payload=with_payload(value.with_payload, default=False),
        with_vector=value.with_vector or False,
    )


def _prefetch(value: models.Prefetch) -> edge.Prefetch:
    require_only(value, *_STAGE)
    return edge.Prefetch(**_stage(value))


_STAGE = ("prefetch", "query", "using", "filter", "params", "score_threshold", "limit")


def _stage(value: models.QueryRequest | models.Prefetch) -> dict[str, Any]:
    return {
        "limit": DEFAULT_LIMIT if value.limit is None else value.limit,
        "query": None if value.query is None else _scoring(value.query, using=value.using),
        "prefetches": [_prefetch(item) for item in _listed(value.prefetch)],
        "filter": optional_filter(value.filter),
        "params": None if value.params is None else _search_params(value.params),
        "score_threshold": value.score_threshold,
    }


def _scoring(value: models.QueryInterface, *, using: str | None) -> edge.Query | edge.Fusion.Rrf:
    match value:
        case models.FusionQuery(fusion=models.Fusion.RRF):
            return edge.Fusion.Rrf(k=RRF_K)
        case models.RrfQuery(rrf=models.Rrf(k=k, weights=weights)):
            if k == 0:
                raise Refused(422, "Give RRF a k of at least 1.")
            return edge.Fusion.Rrf(k=k or RRF_K, weights=weights)
        case models.NearestQuery(nearest=nearest):
            require_only(value, "nearest")
            return edge.Query.Nearest(vector(nearest), using=using)
        case models.SparseVector() | list():
            return edge.Query.Nearest(vector(value), using=using)
    raise unsupported(f"a query by {type(value).__name__}")


def _search_params(value: models.SearchParams) -> edge.SearchParams:
    require_only(value, "hnsw_ef", "exact", "quantization", "indexed_only")
    quantization = value.quantization or models.QuantizationSearchParams()
    return edge.SearchParams(
        hnsw_ef=value.hnsw_ef,
        exact=bool(value.exact),
        indexed_only=bool(value.indexed_only),
        quantization=edge.QuantizationSearchParams(
            ignore=bool(quantization.ignore),
            rescore=quantization.rescore,
            oversampling=quantization.oversampling,
        ),
    )


def with_payload(
    value: models.WithPayloadInterface | None, *, default: bool
) -> edge.WithPayloadType:
    match value:
        case None:
            return default
        case models.PayloadSelectorInclude(include=keys):
            return edge.PayloadSelector.Include(keys)
        case models.PayloadSelectorExclude(exclude=keys):
            return edge.PayloadSelector.Exclude(keys)
    return value


def filter_(value: models.Filter) -> edge.Filter:
    return edge.Filter(
        must=_conditions(value.must),
        should=_conditions(value.should),
        must_not=_conditions(value.must_not),
        min_should=None if value.min_should is None else _min_should(value.min_should),
    )


def optional_filter(value: models.Filter | None) -> edge.Filter | None:
    return None if value is None else filter_(value)


def _min_should(value: models.MinShould) -> edge.MinShould:
    return edge.MinShould(_conditions(value.conditions), value.min_count)


def _conditions(value: object) -> list[edge.ConditionType]:
    return [_condition(item) for item in _listed(value)]


def _condition(value: object) -> edge.ConditionType:
    match value:
        case models.Filter():
            return filter_(value)
        case models.FieldCondition():
            return _field(value)
        case models.HasIdCondition(has_id=ids):
            return edge.HasIdCondition(set(point_ids(ids)))
        case models.IsEmptyCondition(is_empty=field):
            return edge.IsEmptyCondition(field.key)
        case models.IsNullCondition(is_null=field):
            return edge.IsNullCondition(field.key)
    raise unsupported(f"a {type(value).__name__}")


def _field(value: models.FieldCondition) -> edge.FieldCondition:
    require_only(value, "key", "match", "range", "is_empty", "is_null")
    if value.model_fields_set == {"key"}:
        raise Refused(422, f"Give the condition on {value.key} something to match.")
    return edge.FieldCondition(
        value.key,
        match=None if value.match is None else _match(value.match),
        range=None if value.range is None else _range(value.range),
        is_empty=value.is_empty,
        is_null=value.is_null,
    )


def _match(value: models.Match) -> edge.MatchType:
    match value:
        case models.MatchValue(value=bool(wanted)):
            # Python's own True would reach the engine as the integer 1, and match nothing.
            return edge.MatchValue(np.bool_(wanted))  # type: ignore[arg-type]
        case models.MatchValue(value=wanted):
            return edge.MatchValue(wanted)
        case models.MatchAny(any=values):
            return edge.MatchAny(values)
        case models.MatchExcept(except_=values):
            return edge.MatchExcept(values)
        case models.MatchText(text=text):
            return edge.MatchText(text)
    raise unsupported(f"a {type(value).__name__}")


def _range(value: models.RangeInterface) -> edge.RangeType:
    if isinstance(value, models.Range):
        return edge.RangeFloat(**dict(value))
    return edge.RangeDateTime(**{name: at and at.isoformat() for name, at in value})


def record(value: edge.Record) -> dict[str, Any]:
    return {"id": value.id, "payload": value.payload, "vector": _vectors(value.vector)}


def scored(value: edge.ScoredPoint) -> dict[str, Any]:
    return {
        "id": value.id,
        "version": value.version,
        "score": value.score,
        "payload": value.payload,
        "vector": _vectors(value.vector),
    }


def _vectors(value: edge.Vector | None) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    return {
        name: {"indices": item.indices, "values": item.values}
        if isinstance(item, edge.SparseVector)
        else item
        for name, item in value.items()
    }


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
