"""How a collection is laid out in Qdrant: its vectors, its graph, and what is filtered by."""

from dataclasses import asdict, dataclass
from typing import Any

from quire.domain import Collection
from quire.retrieval.qdrant import Qdrant, Refused

DENSE, BM25 = "dense", "bm25"
PAYLOAD_INDEXES: dict[str, Any] = {
    "tenant": {"type": "keyword", "is_tenant": True},
    "document": "keyword",
    "filename": "keyword",
    "edition": "keyword",
    "chapter": "keyword",
    "section": "keyword",
    "version": "integer",
    "facets": "keyword",
    "date": "datetime",
}


@dataclass(frozen=True, slots=True)
class GraphSize:
    """How finely Qdrant links its graph (HNSW): edges of a node, candidates when it is built."""

    m: int
    ef_construct: int


_GRAPH = GraphSize(16, 64)
# Past this many points the graph above loses recall.
_MANY_POINTS = 1_000_000
_GRAPH_OF_MANY = GraphSize(32, 128)

# A byte a number in memory, by which is searched; what is found is scored anew by the vectors
# themselves, from disk (docs/retrieval.md, "At scale").
_INT8 = {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}}


def graph_for(points: int) -> GraphSize:
    return _GRAPH if points <= _MANY_POINTS else _GRAPH_OF_MANY


async def create(qdrant: Qdrant, collection: Collection, *, points: int) -> None:
    """For about so many points, with its payload indexes; nothing is changed of what is there."""
    dense = {
        "size": collection.dimensions,
        "distance": "Cosine",
        "on_disk": True,
        "quantization_config": _INT8,
    }
    layout = {
        "vectors": {DENSE: dense},
        "sparse_vectors": {BM25: {"modifier": "idf"}},
        "hnsw_config": asdict(graph_for(points)),
    }
    try:
        await qdrant.call("PUT", collection.name, layout)
    except Refused as refused:
        if refused.status != 409:  # it is there
            raise
    # Indexes before points: Qdrant builds the filtered part of its graph as it loads.
    for field, schema in PAYLOAD_INDEXES.items():
        indexed = {"field_name": field, "field_schema": schema}
        await qdrant.call("PUT", f"{collection.name}/index", indexed, wait="true")
