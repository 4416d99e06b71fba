"""How a collection is laid out in Qdrant: its vectors, its graph, and what is filtered by."""

from dataclasses import dataclass
from typing import Any

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from quire.domain import Collection

DENSE, BM25 = "dense", "bm25"
PAYLOAD_INDEXES: dict[str, Any] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "document": models.PayloadSchemaType.KEYWORD,
    "filename": models.PayloadSchemaType.KEYWORD,
    "edition": models.PayloadSchemaType.KEYWORD,
    "chapter": models.PayloadSchemaType.KEYWORD,
    "section": models.PayloadSchemaType.KEYWORD,
    "version": models.PayloadSchemaType.INTEGER,
    "facets": models.PayloadSchemaType.KEYWORD,
    "date": models.PayloadSchemaType.DATETIME,
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
_INT8 = models.ScalarQuantization(
    scalar=models.ScalarQuantizationConfig(
        type=models.ScalarType.INT8, quantile=0.99, always_ram=True
    )
)


def graph_for(points: int) -> GraphSize:
    return _GRAPH if points <= _MANY_POINTS else _GRAPH_OF_MANY


async def create(client: AsyncQdrantClient, collection: Collection, *, points: int) -> None:
    """For about so many points, with its payload indexes; nothing is changed of what is there."""
    graph = graph_for(points)
    try:
        await client.create_collection(
            collection.name,
            hnsw_config=models.HnswConfigDiff(m=graph.m, ef_construct=graph.ef_construct),
            vectors_config={
                DENSE: models.VectorParams(
                    size=collection.dimensions,
                    distance=models.Distance.COSINE,
                    on_disk=True,
                    quantization_config=_INT8,
                )
            },
            sparse_vectors_config={BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
    except UnexpectedResponse as error:
        if error.status_code != 409:  # it is there
            raise
    # Indexes before points: Qdrant builds the filtered part of its graph as it loads.
    for field, schema in PAYLOAD_INDEXES.items():
        await client.create_payload_index(collection.name, field, schema)
