"""What a collection is made of: Qdrant's REST models ↔ the engine's configuration."""

# The engine's type aliases exist in its stub alone.
from __future__ import annotations

from typing import Any, TypeVar

import qdrant_edge as edge
from pydantic import BaseModel
from qdrant_client.http import models

from local.qdrant_translation import Refused, require_only, unsupported

# Qdrant's own defaults (config/config.yaml in its repository); the engine wants the first three.
HNSW = models.HnswConfig(m=16, ef_construct=100, full_scan_threshold=10_000)
OPTIMIZERS = models.OptimizersConfig(
    default_segment_number=0, indexing_threshold=10_000, flush_interval_sec=5
)

Model = TypeVar("Model", bound=BaseModel)

# Settings of a cluster or of memory, which change no answer here.
_WITHOUT_EFFECT = (
    "shard_number",
    "replication_factor",
    "write_consistency_factor",
    "on_disk_payload",
    "wal_config",
    "metadata",
)


def engine_config(definition: models.CreateCollection) -> edge.EdgeConfig:
    require_only(
        definition,
        "vectors",
        "sparse_vectors",
        "hnsw_config",
        "optimizers_config",
        "quantization_config",
        *_WITHOUT_EFFECT,
    )
    if isinstance(definition.vectors, models.VectorParams):
        raise unsupported("a vector without a name")
    return edge.EdgeConfig(
        vectors={name: _dense(params) for name, params in (definition.vectors or {}).items()},
        sparse_vectors={
            name: _sparse(params) for name, params in (definition.sparse_vectors or {}).items()
        },
        hnsw_config=_hnsw(definition.hnsw_config),
        quantization_config=_quantization(definition.quantization_config),
        optimizers=_optimizers(definition.optimizers_config),
    )


def _dense(params: models.VectorParams) -> edge.EdgeVectorParams:
    require_only(params, "size", "distance", "on_disk", "hnsw_config", "quantization_config")
    return edge.EdgeVectorParams(
        size=params.size,
        distance=getattr(edge.Distance, params.distance.value),
        on_disk=params.on_disk,
        hnsw_config=None if params.hnsw_config is None else _hnsw(params.hnsw_config),
        quantization_config=_quantization(params.quantization_config),
    )


def _sparse(params: models.SparseVectorParams) -> edge.EdgeSparseVectorParams:
    index = params.index or models.SparseIndexParams()
    require_only(index, "full_scan_threshold", "on_disk")
    return edge.EdgeSparseVectorParams(
        full_scan_threshold=index.full_scan_threshold,
        on_disk=index.on_disk,
        modifier=edge.Modifier.Idf if params.modifier is models.Modifier.IDF else None,
    )


def _hnsw(wanted: models.HnswConfigDiff | None) -> edge.HnswIndexConfig:
    settings = _merged(HNSW, wanted)
    for name in ("memory", "inline_storage"):
        if getattr(settings, name) is not None:
            raise unsupported(f"{name} in HnswConfigDiff")
    return edge.HnswIndexConfig(
        m=settings.m,
        ef_construct=settings.ef_construct,
        full_scan_threshold=settings.full_scan_threshold,
        max_indexing_threads=settings.max_indexing_threads or 0,
        on_disk=settings.on_disk,
        payload_m=settings.payload_m,
    )


def _quantization(
    wanted: models.QuantizationConfig | None,
) -> edge.ScalarQuantizationConfig | None:
    match wanted:
        case None:
            return None
        case models.ScalarQuantization(scalar=scalar):
            require_only(scalar, "type", "quantile", "always_ram")
            return edge.ScalarQuantizationConfig(
                type=edge.ScalarType.Int8, quantile=scalar.quantile, always_ram=scalar.always_ram
            )
    raise unsupported(type(wanted).__name__)


def _optimizers(wanted: models.OptimizersConfigDiff | None) -> edge.EdgeOptimizersConfig:
    settings = _merged(OPTIMIZERS, wanted)
    for name in ("prevent_unoptimized", "max_optimization_threads"):
        if getattr(settings, name) is not None:
            raise unsupported(f"{name} in OptimizersConfigDiff")
    return edge.EdgeOptimizersConfig(
        deleted_threshold=settings.deleted_threshold,
        vacuum_min_vector_number=settings.vacuum_min_vector_number,
        default_segment_number=settings.default_segment_number,
        max_segment_size=settings.max_segment_size,
        indexing_threshold=settings.indexing_threshold,
    )


def payload_index(request: models.CreateFieldIndex) -> edge.UpdateOperation:
    match request.field_schema:
        case None:
            raise Refused(400, f"Name the type of {request.field_name} in field_schema.")
        case models.PayloadSchemaType() as kind:
            schema = getattr(edge.PayloadSchemaType, kind.value.capitalize())
        case params:
            schema = _index_params(params)
    return edge.UpdateOperation.create_field_index(request.field_name, schema)


def _index_params(params: models.PayloadSchemaParams) -> edge.PayloadSchemaParams:
    settings = params.model_dump(exclude={"type"}, exclude_none=True)
    for name in ("memory", "stopwords", "stemmer", "scoring", "nested"):
        if name in settings:
            raise unsupported(f"{name} in {type(params).__name__}")
    if "tokenizer" in settings:
        settings["tokenizer"] = getattr(edge.TokenizerType, settings["tokenizer"].capitalize())
    # The classes of the two packages share their names and the names of their fields.
    params_of_engine: edge.PayloadSchemaParams = getattr(edge, type(params).__name__)(**settings)
    return params_of_engine


def collection_info(
    definition: models.CreateCollection, info: edge.ShardInfo, *, optimizing: bool
) -> models.CollectionInfo:
    return models.CollectionInfo(
        status=models.CollectionStatus.YELLOW if optimizing else models.CollectionStatus.GREEN,
        optimizer_status=models.OptimizersStatusOneOf.OK,
        points_count=info.points_count,
        indexed_vectors_count=info.indexed_vectors_count,
        segments_count=info.segments_count,
        config=models.CollectionConfig(
            params=models.CollectionParams(
                vectors=definition.vectors, sparse_vectors=definition.sparse_vectors
            ),
            hnsw_config=_merged(HNSW, definition.hnsw_config),
            optimizer_config=_merged(OPTIMIZERS, definition.optimizers_config),
            quantization_config=definition.quantization_config,
            metadata=definition.metadata,
        ),
        payload_schema={name: _index_info(index) for name, index in info.payload_schema.items()},
    )


def _index_info(index: edge.PayloadIndexInfo) -> models.PayloadIndexInfo:
    kind = _name(index.data_type)
    params: dict[str, Any] | None = None
    if index.params is not None:
        fields = getattr(models, type(index.params).__name__).model_fields.keys() - {"type"}
        values = {name: getattr(index.params, name) for name in fields}
        plain = {name: _name(value) for name, value in values.items() if value is not None}
        params = {"type": kind, **plain}
    return models.PayloadIndexInfo.model_validate(
        {"data_type": kind, "params": params, "points": index.points}
    )


def _name(value: object) -> object:
    """The engine's `Kind.Keyword` as Qdrant's "keyword"; anything plain as it is."""
    if isinstance(value, bool | int | str):
        return value
    return str(value).rpartition(".")[2].lower()


def _merged(default: Model, wanted: BaseModel | None) -> Model:
    return default.model_copy(update=wanted.model_dump(exclude_none=True) if wanted else {})
