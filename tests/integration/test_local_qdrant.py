"""The laptop's Qdrant as Quire meets it: through the real client, over HTTP."""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import httpx
import pytest
import uvicorn
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from local.qdrant import create_app

SIZE = 8
NAME = "chunks"
INDEXED: dict[str, models.PayloadSchemaType | models.KeywordIndexParams] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "n": models.PayloadSchemaType.INTEGER,
    "at": models.PayloadSchemaType.DATETIME,
}


@asynccontextmanager
async def serving(state: Path, *, keep_every: float = 5.0) -> AsyncIterator[AsyncQdrantClient]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = create_app(state, keep_every=keep_every)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with connected(url) as client:
            yield client
        server.should_exit = True
        await running


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncQdrantClient]:
    client = AsyncQdrantClient(url=url, prefer_grpc=False, check_compatibility=False, timeout=10)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncQdrantClient]:
    async with serving(tmp_path_factory.mktemp("qdrant")) as client:
        yield client


@pytest.fixture
async def qdrant(server: AsyncQdrantClient) -> AsyncIterator[AsyncQdrantClient]:
    """The server with an empty collection, gone afterwards."""
    await create(server)
    yield server
    await server.delete_collection(NAME)


@pytest.fixture(scope="module")
async def twelve(server: AsyncQdrantClient) -> AsyncQdrantClient:
    """The server with a collection of that name, of twelve points, for reading."""
    await create(server, "twelve")
    await server.upsert("twelve", points(12), wait=True)
    return server


@pytest.fixture
async def http(server: AsyncQdrantClient) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.http.client.host) as http:
        yield http


async def create(client: AsyncQdrantClient, name: str = NAME, *, indexing_kb: int = 10_000) -> None:
    await client.create_collection(
        name,
        vectors_config={
            "dense": models.VectorParams(size=SIZE, distance=models.Distance.COSINE, on_disk=False)
        },
        sparse_vectors_config={"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        hnsw_config=models.HnswConfigDiff(m=8, payload_m=8),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=indexing_kb),
        quantization_config=models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        ),
    )
    for field, schema in INDEXED.items():
        await client.create_payload_index(name, field, schema)


def point_id(n: int) -> str:
    return str(uuid5(NAMESPACE_URL, str(n)))


def dense(seed: int) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(0, 1) for _ in range(SIZE)]


def point(n: int) -> models.PointStruct:
    terms = random.Random(n).sample(range(40), 6)
    return models.PointStruct(
        id=point_id(n),
        vector={"dense": dense(n), "bm25": models.SparseVector(indices=terms, values=[1.0] * 6)},
        payload={
            "tenant": "even" if n % 2 == 0 else "odd",
            "n": n,
            "even": n % 2 == 0,
            "at": f"2026-01-{n % 28 + 1:02}T00:00:00Z",
            "tags": [f"tag{n % 3}"],
            "note": None if n == 4 else "a walking robot" if n == 5 else "words",
        },
    )


def points(count: int, *, start: int = 0) -> list[models.PointStruct]:
    return [point(n) for n in range(start, start + count)]


def field(key: str, **condition: object) -> models.FieldCondition:
    return models.FieldCondition.model_validate({"key": key, **condition})


def numbers(found: Sequence[models.ScoredPoint | models.Record]) -> list[int]:
    return [one.payload["n"] for one in found if one.payload]


TERMS = models.SparseVector(indices=[1, 2, 3, 4, 5], values=[1.0, 0.5, 2.0, 1.0, 1.0])
EVEN = models.Filter(must=[field("tenant", match={"value": "even"})])


@pytest.mark.parametrize(
    ("query", "k", "weights"),
    [
        (models.FusionQuery(fusion=models.Fusion.RRF), 2, (1.0, 1.0)),
        (models.RrfQuery(rrf=models.Rrf(k=60)), 60, (1.0, 1.0)),
        (models.RrfQuery(rrf=models.Rrf(k=10, weights=[3.0, 0.5])), 10, (3.0, 0.5)),
    ],
    ids=["the default", "k", "k and weights"],
)
async def test_hybrid_search_is_rrf_over_the_two_searches(
    qdrant: AsyncQdrantClient, query: models.Query, k: int, weights: tuple[float, float]
) -> None:
    await qdrant.upsert(NAME, points(200), wait=True)
    expected: dict[int, float] = {}
    for vector, using, weight in ((dense(7), "dense", weights[0]), (TERMS, "bm25", weights[1])):
        single = await qdrant.query_points(
            NAME, query=vector, using=using, query_filter=EVEN, limit=30
        )
        assert len(single.points) == 30
        for rank, n in enumerate(numbers(single.points)):
            expected[n] = expected.get(n, 0) + 1 / (k - 1 + (rank + 1) / weight)
    hybrid = await qdrant.query_points(
        NAME,
        prefetch=[
            models.Prefetch(query=dense(7), using="dense", filter=EVEN, limit=30),
            models.Prefetch(query=TERMS, using="bm25", filter=EVEN, limit=30),
        ],
        query=query,
        query_filter=EVEN,
        limit=100,
        with_vectors=["dense"],
    )
    assert len(hybrid.points) == len(expected) > 30
    for hit in hybrid.points:
        assert hit.payload is not None
        assert hit.score == pytest.approx(expected[hit.payload["n"]], rel=1e-5)
        assert isinstance(hit.vector, dict)
        assert list(hit.vector) == ["dense"]
    scores = [hit.score for hit in hybrid.points]
    assert scores == sorted(scores, reverse=True)


async def test_a_batch_of_queries_answers_each_in_its_place(qdrant: AsyncQdrantClient) -> None:
    await qdrant.upsert(NAME, points(50), wait=True)
    wanted = [3, 11, 40]
    answers = await qdrant.query_batch_points(
        NAME,
        [
            models.QueryRequest(query=dense(n), using="dense", limit=2, with_payload=["n"])
            for n in wanted
        ],
    )
    assert [numbers(answer.points)[0] for answer in answers] == wanted
    assert all(set(hit.payload or {}) == {"n"} for answer in answers for hit in answer.points)


async def test_search_pages_cuts_by_score_and_takes_parameters(qdrant: AsyncQdrantClient) -> None:
    await qdrant.upsert(NAME, points(50), wait=True)
    exact = models.SearchParams(
        exact=True,
        hnsw_ef=64,
        quantization=models.QuantizationSearchParams(rescore=True, oversampling=2.0),
    )
    whole = await qdrant.query_points(NAME, dense(1), using="dense", search_params=exact, limit=9)
    page = await qdrant.query_points(NAME, dense(1), using="dense", limit=4, offset=5)
    assert numbers(page.points) == numbers(whole.points)[5:]
    threshold = (whole.points[3].score + whole.points[4].score) / 2
    best = await qdrant.query_points(
        NAME, dense(1), using="dense", score_threshold=threshold, with_payload=False
    )
    assert [hit.id for hit in best.points] == [hit.id for hit in whole.points[:4]]
    assert best.points[0].payload is None


async def test_a_rare_term_outranks_a_common_one(qdrant: AsyncQdrantClient) -> None:
    common, rare = 1, 2
    texts = [[common]] * 20 + [[rare]]
    await qdrant.upsert(
        NAME,
        [
            models.PointStruct(
                id=n, vector={"bm25": models.SparseVector(indices=text, values=[1.0])}, payload={}
            )
            for n, text in enumerate(texts)
        ],
    )
    query = models.SparseVector(indices=[common, rare], values=[1.0, 1.0])
    found = await qdrant.query_points(NAME, query=query, using="bm25", limit=21)
    assert found.points[0].id == 20
    assert found.points[0].score > 10 * found.points[1].score


# Which of the points 0 to 11 each filter is to find.
FILTERS: dict[str, tuple[models.Filter, set[int]]] = {
    "value": (EVEN, {0, 2, 4, 6, 8, 10}),
    "any": (models.Filter(must=[field("n", match={"any": [1, 5, 99]})]), {1, 5}),
    "any of none": (models.Filter(must=[field("n", match={"any": []})]), set()),
    "except": (
        models.Filter(must=[field("tags", match={"except": ["tag0", "tag1"]})]),
        {2, 5, 8, 11},
    ),
    "text": (models.Filter(must=[field("note", match={"text": "robot"})]), {5}),
    "bool": (models.Filter(must=[field("even", match={"value": True})]), {0, 2, 4, 6, 8, 10}),
    "range": (models.Filter(must=[field("n", range={"gte": 3, "lt": 6})]), {3, 4, 5}),
    "dates": (
        models.Filter(must=[field("at", range={"gt": "2026-01-10T00:00:00Z"})]),
        {10, 11},
    ),
    "id": (models.Filter(must=[models.HasIdCondition(has_id=[point_id(7)])]), {7}),
    "null": (
        models.Filter(must=[models.IsNullCondition(is_null=models.PayloadField(key="note"))]),
        {4},
    ),
    "empty": (
        models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="note"))]),
        {4},
    ),
    "nothing asked": (models.Filter(must=[], should=[]), set(range(12))),
    "nested": (
        models.Filter(
            must=[models.Filter(should=[field("n", match={"value": v}) for v in (1, 2, 3)])],
            must_not=[EVEN],
        ),
        {1, 3},
    ),
    "at least two": (
        models.Filter(
            min_should=models.MinShould(
                conditions=[
                    field("tenant", match={"value": "odd"}),
                    field("tags", match={"value": "tag0"}),
                    field("n", range={"gte": 8}),
                ],
                min_count=2,
            )
        ),
        {3, 9, 11},
    ),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_holds_everywhere(twelve: AsyncQdrantClient, name: str) -> None:
    within, expected = FILTERS[name]
    found = await twelve.query_points(
        "twelve", query=dense(0), using="dense", query_filter=within, limit=50
    )
    scrolled, _ = await twelve.scroll("twelve", scroll_filter=within, limit=50)
    counted = await twelve.count("twelve", count_filter=within, exact=True)
    assert set(numbers(found.points)) == set(numbers(scrolled)) == expected
    assert counted.count == len(expected)


async def test_no_stage_of_a_search_leaves_its_tenant(qdrant: AsyncQdrantClient) -> None:
    await qdrant.upsert(NAME, points(100), wait=True)
    odd = models.Filter(must=[field("tenant", match={"value": "odd"})])
    found = await qdrant.query_points(
        NAME,
        # The points nearest to these vectors are the other tenant's.
        prefetch=[
            models.Prefetch(query=dense(n), using="dense", filter=odd, limit=40) for n in (0, 2, 4)
        ],
        query=models.FusionQuery(fusion=models.Fusion.RRF),
        limit=100,
    )
    assert len(found.points) >= 40
    assert {n % 2 for n in numbers(found.points)} == {1}
    both = await qdrant.query_points(
        NAME,
        prefetch=models.Prefetch(query=dense(0), using="dense", filter=odd, limit=40),
        query=models.FusionQuery(fusion=models.Fusion.RRF),
        query_filter=EVEN,
    )
    assert both.points == []


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


async def indexed(client: AsyncQdrantClient, *, written: int) -> None:
    """Return once the optimiser has come to rest with dense vectors in a graph."""
    while True:
        info = await client.get_collection(NAME)
        # Each sparse vector counts as indexed from the start; more are dense ones.
        graph = (info.indexed_vectors_count or 0) > written
        if info.status is models.CollectionStatus.GREEN and graph:
            return
        await asyncio.sleep(0.05)


def shards(state: Path) -> list[Path]:
    return list(state.glob("collections/*/shard-*"))


async def test_the_optimiser_builds_the_graph_and_loses_no_write(tmp_path: Path) -> None:
    async with serving(tmp_path, keep_every=0.05) as client:
        await create(client, indexing_kb=1)
        await client.upsert(NAME, points(1_500), wait=True)
        while len(shards(tmp_path)) < 2:
            await asyncio.sleep(0.01)
        # The copy is being optimised: these three have to be carried over to it.
        await client.upsert(NAME, points(10, start=1_500), wait=True)
        await client.delete(NAME, models.FilterSelector(filter=EVEN), wait=True)
        await client.upsert(NAME, [point(0)], wait=True)
        await indexed(client, written=1_511)
        left, _ = await client.scroll(NAME, limit=5_000, with_payload=["n"])
        assert sorted(numbers(left)) == [0, *range(1, 1_510, 2)]

        exact = models.SearchParams(exact=True)
        hits = 0
        for n in range(10_000, 10_010):
            near = await client.query_points(NAME, dense(n), using="dense", limit=10)
            true = await client.query_points(
                NAME, dense(n), using="dense", limit=10, search_params=exact
            )
            hits += len(set(numbers(near.points)) & set(numbers(true.points)))
        assert hits >= 90
    assert len(shards(tmp_path)) == 1
    async with serving(tmp_path) as client:
        assert (await client.count(NAME)).count == 756


@asynccontextmanager
async def process(state: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The server as it is started on a laptop, and its URL."""
    command = ("-m", "local.qdrant", "--port", "0", "--state", str(state))
    child = await asyncio.create_subprocess_exec(
        sys.executable, *command, stderr=asyncio.subprocess.PIPE
    )
    assert child.stderr is not None
    try:
        said = ""
        while not (running := re.search(r"running on (http://[\d.:]+)", said)):
            line = await child.stderr.readline()
            assert line, said
            said += line.decode()
        yield child, running[1]
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def test_what_was_acknowledged_outlives_sigkill(tmp_path: Path) -> None:
    async with process(tmp_path) as (child, url), connected(url) as client:
        await create(client)
        alias = models.CreateAlias(collection_name=NAME, alias_name="live")
        await client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
        for start in range(0, 640, 64):
            await client.upsert(NAME, points(64, start=start), wait=True)
        await client.delete(NAME, [point_id(1)], wait=True)
        await client.set_payload(NAME, {"kept": True}, points=[point_id(639)], wait=True)
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()

    async with process(tmp_path) as (child, url), connected(url) as client:
        records, _ = await client.scroll("live", limit=1_000, with_vectors=True)
        written = {n: point(n) for n in (0, *range(2, 640))}
        assert sorted(numbers(records)) == list(written)
        for record in records:
            assert record.payload is not None
            original = written[record.payload["n"]]
            assert original.payload is not None
            assert record.payload.items() >= original.payload.items()
            assert isinstance(record.vector, dict)
            assert record.vector.keys() == {"dense", "bm25"}
        (last,) = await client.retrieve(NAME, [point_id(639)])
        assert (last.payload or {})["kept"] is True
        found = await client.query_points(NAME, dense(638), using="dense", query_filter=EVEN)
        assert numbers(found.points)[0] == 638
        schema = (await client.get_collection(NAME)).payload_schema
        assert schema["tenant"].points == 639
        # And SIGTERM, unlike the end before it, closes the shards in peace.
        await client.upsert(NAME, [point(1)], wait=True)
        child.send_signal(signal.SIGTERM)
        assert child.stderr is not None
        assert b"Application shutdown complete" in await child.stderr.read()

    async with serving(tmp_path) as client:
        assert (await client.count("live")).count == 640


async def test_what_an_interruption_left_behind_is_cleared_away(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        await create(client)
    (live,) = shards(tmp_path)
    half_optimized = live.with_name("shard-0123abcd")
    half_created = tmp_path / "collections" / "other"
    for folder in (half_optimized, half_created / "shard-4567abcd"):
        shutil.copytree(live, folder)
    async with serving(tmp_path) as client:
        assert [one.name for one in (await client.get_collections()).collections] == [NAME]
        assert shards(tmp_path) == [live]
        await create(client, "other")


async def test_a_state_folder_has_one_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        await create(client)
        with pytest.raises(RuntimeError, match="stop the server that uses it"):
            async with create_app(tmp_path).router.lifespan_context(create_app(tmp_path)):
                pass
