"""Chunks as Qdrant's points, and a search and its answer in its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from quire.domain import Chunk, ScoredChunk, Sparse
from quire.retrieval.filters import Filters, in_utc
from quire.retrieval.layout import BM25, DENSE

# What Qdrant takes and answers: points, conditions, filters.
Json = dict[str, Any]

# A cosine that is told is the true one, whatever vectors were found by.
_RESCORED: Json = {"quantization": {"rescore": True}}

_KEPT = ("version", "filename", "title", "ordinal", "start", "end", "text", "page")
# What a chunk is made of again; the rest of a payload is there to be found by.
SHOWN = [*_KEPT, "document", "heading", "metadata", "gap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What each search found, best first, scored by cosine and by BM25.

    `vectors` are the hits' dense ones by chunk, of unit length, when they were asked for.
    """

    dense: Sequence[ScoredChunk]
    bm25: Sequence[ScoredChunk]
    vectors: Mapping[UUID, Sequence[float]]


def edition(document: UUID, version: int) -> str:
    """One value for both, as a filter by pairs of values would be."""
    return f"{document}/{version}"


def as_queries(
    tenant: str,
    *,
    dense: Sequence[float] | None,
    bm25: Sparse | None,
    filters: Filters,
    without: Sequence[tuple[UUID, int]],
    limit: int,
    vectors: bool = False,
) -> list[Json]:
    """A search for each vector that there is, `using` it."""
    searches: dict[str, Any] = {}
    if bm25 is not None:
        searches[BM25] = as_sparse(bm25)
    if dense is not None:
        searches[DENSE] = dense
    within = as_filter(tenant, filters, without)
    return [
        {
            "query": query,
            "using": using,
            "params": _RESCORED if using == DENSE else None,
            "filter": within,
            "limit": limit,
            "with_payload": {"include": SHOWN},
            "with_vector": [DENSE] if vectors else False,
        }
        for using, query in searches.items()
    ]


def as_candidates(found: Mapping[str, Sequence[Json]]) -> Candidates:
    """What each of `as_queries` found, by what it was `using`."""
    return Candidates(
        dense=_scored(found.get(DENSE, [])),
        bm25=_scored(found.get(BM25, [])),
        vectors={
            UUID(point["id"]): point["vector"][DENSE]
            for points in found.values()
            for point in points
            if point.get("vector")
        },
    )


def as_filter(tenant: str, filters: Filters, without: Sequence[tuple[UUID, int]]) -> Json:
    narrowed = [_narrowed(filters)] if filters.narrows else []
    editions = [edition(*pair) for pair in without]
    return {
        "must": [match("tenant", tenant), *narrowed],
        "must_not": [match("edition", editions)] if editions else [],
    }


def _narrowed(filters: Filters) -> Json:
    wanted: dict[str, Sequence[str] | Sequence[int]] = {
        "document": filters.document_id,
        "filename": filters.filename,
        "chapter": filters.chapter,
        "section": filters.section,
        "version": filters.version,
    }
    must = [match(key, values) for key, values in wanted.items() if values]
    for name, values in filters.metadata.items():
        must.append(match("facets", [_facet(name, value) for value in values]))
    if filters.date:
        period = {"gte": filters.date.since, "lt": filters.date.before}
        must.append({"key": "date", "range": period})
    must.extend(map(_narrowed, filters.every))
    if filters.some:
        must.append({"should": [_narrowed(part) for part in filters.some]})
    return {"must": must, "must_not": [_narrowed(part) for part in filters.none]}


def match(key: str, value: str | Sequence[str] | Sequence[int]) -> Json:
    """Equal to the value, or to any of several."""
    kind = "value" if isinstance(value, str) else "any"
    return {"key": key, "match": {kind: value}}


def _facet(name: str, value: str) -> str:
    """One value for both, so that one index serves whatever names metadata has."""
    return f"{name}\x1f{value}"


def _date(text: str) -> str | None:
    """Metadata is anybody's: what is no date is none."""
    try:
        return in_utc(text).isoformat()
    except ValueError:
        return None


def as_point(tenant: str, chunk: Chunk, dense: Sequence[float], bm25: Sparse) -> Json:
    vectors = {DENSE: dense, BM25: as_sparse(bm25)}
    return {"id": chunk.id, "vector": vectors, "payload": as_payload(tenant, chunk)}


def as_sparse(terms: Sparse) -> Json:
    return {"indices": terms.indices, "values": terms.values}


def as_payload(tenant: str, chunk: Chunk) -> Json:
    """The chunk itself, and what it is found by."""
    told = chunk.metadata
    chapter = told.get("chapter") or (chunk.heading[0] if chunk.heading else None)
    return {name: getattr(chunk, name) for name in _KEPT} | {
        "document": str(chunk.document),
        "heading": list(chunk.heading),
        "gap": chunk.gap,
        "metadata": dict(told),
        "tenant": tenant,
        "edition": edition(chunk.document, chunk.version),
        "chapter": chapter,
        "section": [*chunk.heading, *([told["section"]] if "section" in told else [])],
        "facets": [_facet(*pair) for pair in told.items()],
        "date": _date(told.get("date", "")),
    }


def as_chunk(point: Json) -> Chunk:
    payload = point["payload"]
    return Chunk(
        id=UUID(point["id"]),
        document=UUID(payload["document"]),
        heading=tuple(payload["heading"]),
        metadata=payload["metadata"],
        gap=payload.get("gap", ""),  # an index that is older knows none
        **{name: payload[name] for name in _KEPT},
    )


def _scored(points: Sequence[Json]) -> list[ScoredChunk]:
    return [ScoredChunk(chunk=as_chunk(point), score=point["score"]) for point in points]
