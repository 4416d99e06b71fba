"""Collections, points and aliases of the laptop's Qdrant, and what it refuses."""

import json
import re

import httpx
import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.integration.local_qdrant.sample import (
    EVEN,
    NAME,
    SIZE,
    create,
    dense,
    field,
    numbers,
    point,
    point_id,
    points,
)


async def test_a_scroll_meets_every_point_once(qdrant: AsyncQdrantClient) -> None:
    await qdrant.upsert(NAME, points(25), wait=True)
    met: list[int] = []
    offset: models.ExtendedPointId | None = None
    pages = 0
    while offset is not None or pages == 0:
        records, offset = await qdrant.scroll(NAME, limit=10, offset=offset, with_vectors=True)
        met += numbers(records)
        pages += 1
    assert (pages, sorted(met)) == (3, list(range(25)))
    assert isinstance(records[0].vector, dict)
    assert isinstance(records[0].vector["bm25"], models.SparseVector)


async def test_points_are_replaced_changed_and_deleted(qdrant: AsyncQdrantClient) -> None:
    await qdrant.upsert(NAME, points(20), wait=True)
    await qdrant.upsert(NAME, [point(3).model_copy(update={"payload": {"n": 300}})], wait=True)
    assert numbers(await qdrant.retrieve(NAME, [point_id(3), point_id(99)])) == [300]

    await qdrant.set_payload(NAME, {"seen": True}, points=EVEN, wait=True)
    seen = models.Filter(must=[field("seen", match={"value": True})])
    assert (await qdrant.count(NAME, seen)).count == 10

    await qdrant.delete(NAME, models.FilterSelector(filter=EVEN), wait=True)
    await qdrant.delete(NAME, [point_id(5), point_id(99)], wait=True)
    left, _ = await qdrant.scroll(NAME, limit=50)
    assert sorted(numbers(left)) == [1, 7, 9, 11, 13, 15, 17, 19, 300]
    found = await qdrant.query_points(NAME, query=dense(5), using="dense", limit=50)
    assert 5 not in numbers(found.points)


async def test_a_collection_describes_itself(qdrant: AsyncQdrantClient) -> None:
    await qdrant.upsert(NAME, points(10), wait=True)
    info = await qdrant.get_collection(NAME)
    assert info.status is models.CollectionStatus.GREEN
    assert info.points_count == 10
    assert isinstance(info.config.params.vectors, dict)
    assert info.config.params.vectors["dense"].size == SIZE
    assert info.config.params.sparse_vectors is not None
    assert info.config.params.sparse_vectors["bm25"].modifier is models.Modifier.IDF
    assert (info.config.hnsw_config.m, info.config.hnsw_config.ef_construct) == (8, 100)
    assert isinstance(info.config.quantization_config, models.ScalarQuantization)
    tenant = info.payload_schema["tenant"]
    assert (tenant.data_type, tenant.points) == (models.PayloadSchemaType.KEYWORD, 10)
    assert isinstance(tenant.params, models.KeywordIndexParams)
    assert tenant.params.is_tenant is True
    assert NAME in [one.name for one in (await qdrant.get_collections()).collections]


async def test_every_kind_of_payload_index_is_made(qdrant: AsyncQdrantClient) -> None:
    kinds = ("keyword", "integer", "float", "bool", "datetime", "uuid", "text")
    for kind in kinds:
        await qdrant.create_payload_index(NAME, f"a_{kind}", models.PayloadSchemaType(kind))
    words = models.TextIndexParams(
        type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD, lowercase=True
    )
    await qdrant.create_payload_index(NAME, "words", words)
    schema = (await qdrant.get_collection(NAME)).payload_schema
    assert [schema[f"a_{kind}"].data_type.value for kind in kinds] == list(kinds)
    assert schema["words"].params == words


async def test_a_payload_comes_back_as_it_went(qdrant: AsyncQdrantClient) -> None:
    payload = {"b": True, "zero": 0, "real": 1.0, "big": 2**53, "deep": [{"x": [None, -1, "é"]}]}
    await qdrant.upsert(
        NAME, [models.PointStruct(id=1, vector={"dense": dense(1)}, payload=payload)]
    )
    (record,) = await qdrant.retrieve(NAME, [1])
    # Equality would take True for 1, and 1 for 1.0.
    assert json.dumps(record.payload, sort_keys=True) == json.dumps(payload, sort_keys=True)


async def test_an_alias_moves_from_one_collection_to_the_next(qdrant: AsyncQdrantClient) -> None:
    await create(qdrant, "next")
    await qdrant.upsert(NAME, points(3), wait=True)
    await qdrant.upsert("next", points(7), wait=True)

    def pointing(name: str) -> models.CreateAliasOperation:
        alias = models.CreateAlias(collection_name=name, alias_name="live")
        return models.CreateAliasOperation(create_alias=alias)

    await qdrant.update_collection_aliases([pointing(NAME)])
    assert await qdrant.collection_exists("live")
    assert (await qdrant.count("live")).count == 3
    drop = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="live"))
    await qdrant.update_collection_aliases([drop, pointing("next")])
    assert (await qdrant.count("live")).count == 7
    (alias,) = (await qdrant.get_aliases()).aliases
    assert (alias.alias_name, alias.collection_name) == ("live", "next")

    with pytest.raises(UnexpectedResponse) as refused:
        await qdrant.update_collection_aliases([drop, pointing("nowhere")])
    assert refused.value.status_code == 404
    assert (await qdrant.get_collection_aliases("next")).aliases == [alias]

    await qdrant.delete_collection("next")
    assert (await qdrant.get_aliases()).aliases == []
    assert not await qdrant.collection_exists("live")


REFUSALS: dict[str, tuple[str, str, object, int, str]] = {
    "no such collection": ("POST", "/collections/none/points/count", {}, 404, "doesn't exist"),
    "collection there": ("PUT", "/collections/twelve", {"vectors": {}}, 409, "already exists"),
    "bad name": ("PUT", "/collections/a:b", {"vectors": {}}, 422, "cannot name"),
    "wrong size": (
        "POST",
        "/collections/twelve/points/query",
        {"query": [1.0, 2.0], "using": "dense"},
        400,
        "expected dim: 8, got 2",
    ),
    "wrong size stored": (
        "PUT",
        "/collections/twelve/points",
        {"points": [{"id": 1, "vector": {"dense": [1.0, 2.0]}}]},
        400,
        "expected dim: 8, got 2",
    ),
    "no such vector": (
        "POST",
        "/collections/twelve/points/query",
        {"query": [1.0], "using": "image"},
        400,
        "image",
    ),
    "bad point id": ("POST", "/collections/twelve/points", {"ids": ["one"]}, 400, "UUID"),
    "repeated term": (
        "PUT",
        "/collections/twelve/points",
        {"points": [{"id": 1, "vector": {"bm25": {"indices": [1, 1], "values": [1.0, 2.0]}}}]},
        422,
        "unique",
    ),
    "not a body": ("POST", "/collections/twelve/points/count", {"exakt": True}, 400, "exakt"),
    "no such point": (
        "POST",
        "/collections/twelve/points/payload",
        {"payload": {"a": 1}, "points": [999]},
        404,
        "999",
    ),
    "ordered scroll": (
        "POST",
        "/collections/twelve/points/scroll",
        {"order_by": "n"},
        501,
        "order_by",
    ),
    "query by text": (
        "POST",
        "/collections/twelve/points/query",
        {"query": {"text": "robots", "model": "qdrant/bm25"}, "using": "bm25"},
        501,
        "Document",
    ),
    "shard key": ("POST", "/collections/twelve/points/count", {"shard_key": "a"}, 501, "shard_key"),
    "other conditions": (
        "POST",
        "/collections/twelve/points/count",
        {"filter": {"must": [{"key": "n", "values_count": {"gt": 1}}]}},
        501,
        "values_count",
    ),
    "other address": ("POST", "/collections/twelve/facet", {"key": "n"}, 501, "Not supported"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_cannot_be_done_is_refused_as_qdrant_refuses(
    twelve: AsyncQdrantClient, http: httpx.AsyncClient, name: str
) -> None:
    method, address, body, status, words = REFUSALS[name]
    answer = await http.request(method, address, json=body)
    assert answer.status_code == status
    assert words in answer.json()["status"]["error"]
    assert (await twelve.count("twelve")).count == 12


async def test_the_server_says_it_is_there(http: httpx.AsyncClient) -> None:
    for address in ("/healthz", "/readyz", "/livez"):
        assert (await http.get(address)).status_code == 200
    about = (await http.get("/")).json()
    assert re.fullmatch(r"\d+\.\d+\.\d+", about["version"])
    answer = (await http.get("/collections")).json()
    assert answer.keys() == {"result", "status", "time"}
