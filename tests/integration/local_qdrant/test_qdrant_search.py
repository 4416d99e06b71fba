"""Searches of the laptop's Qdrant: hybrid, filtered, and within a tenant."""

import pytest
from qdrant_client import AsyncQdrantClient, models

from tests.integration.local_qdrant.sample import (
    EVEN,
    NAME,
    TERMS,
    dense,
    field,
    numbers,
    point_id,
    points,
)


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
