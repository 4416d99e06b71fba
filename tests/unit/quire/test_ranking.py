import math
from dataclasses import replace
from uuid import UUID, uuid4

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quire.domain import Chunk, ScoredChunk
from quire.retrieval.ranking import diversify, fuse, fuse_ranks, join, passage

DOCUMENT = uuid4()


def hit(number: int, score: float) -> ScoredChunk:
    chunk = Chunk(
        id=UUID(int=number),
        document=DOCUMENT,
        version=1,
        filename="a.md",
        title="A",
        ordinal=number,
        start=number,
        end=number + 1,
        text="a",
    )
    return ScoredChunk(chunk=chunk, score=score)


def shown(hits: list[ScoredChunk]) -> dict[int, float]:
    return {h.chunk.ordinal: round(h.score, 6) for h in hits}


def test_scores_count_as_shares_of_their_search_s_best() -> None:
    dense = [hit(1, 0.8), hit(2, 0.4)]
    bm25 = [hit(2, 20.0), hit(3, 5.0)]
    fused = fuse(dense, bm25, weight=0.6, depth=3)
    assert shown(fused) == {1: 0.6, 2: 0.7, 3: 0.1}
    assert [h.chunk.ordinal for h in fused] == [2, 1, 3]


def test_one_search_alone_keeps_its_order() -> None:
    dense, bm25 = [hit(1, 0.8), hit(2, 0.4)], [hit(3, 9.0), hit(1, 3.0)]
    assert shown(fuse(dense, bm25, weight=1.0, depth=9)) == {1: 1.0, 2: 0.5}
    assert shown(fuse(dense, bm25, weight=0.0, depth=9)) == {3: 1.0, 1: 0.333333}
    assert shown(fuse([], bm25, weight=0.5, depth=9)) == {3: 0.5, 1: 0.166667}
    assert fuse([], [], weight=0.5, depth=9) == []


def test_what_a_search_may_only_just_have_missed_has_its_last_score() -> None:
    dense, bm25 = [hit(1, 0.8), hit(2, 0.4)], [hit(2, 20.0), hit(3, 5.0)]
    assert shown(fuse(dense, bm25, weight=0.6, depth=2)) == {1: 0.7, 2: 0.7, 3: 0.4}


def test_what_points_elsewhere_is_worth_nothing_and_not_less() -> None:
    assert shown(fuse([hit(1, 0.5), hit(2, -0.5)], [], weight=0.5, depth=9)) == {1: 0.5}
    assert fuse([hit(1, -0.1)], [], weight=0.5, depth=9) == []


def test_ranks_know_no_scores() -> None:
    dense, bm25 = [hit(1, 0.8), hit(2, 0.1)], [hit(2, 20.0), hit(3, 5.0)]
    fused = fuse_ranks(dense, bm25)
    assert [h.chunk.ordinal for h in fused] == [2, 1, 3]
    assert math.isclose(fused[0].score, 1 / 61 + 1 / 62)
    assert math.isclose(fused[1].score, 1 / 61)


def test_a_twin_gives_way_to_what_is_different() -> None:
    east, north = [1.0, 0.0], [0.0, 1.0]
    hits = [hit(0, 1.0), hit(1, 0.9), hit(2, 0.6)]
    vectors = {h.chunk.id: v for h, v in zip(hits, (east, east, north), strict=True)}
    for diversity, picked in ((0.5, [0, 2]), (0.0, [0, 1])):
        best = diversify(hits, vectors, count=2, diversity=diversity)
        assert [h.chunk.ordinal for h in best] == picked


def test_nothing_comes_of_nothing() -> None:
    assert diversify([], {}, count=8, diversity=0.3) == []


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), st.integers(1, 30))
def test_each_candidate_is_picked_once_and_the_best_first(scores: list[float], count: int) -> None:
    hits = [hit(n, score) for n, score in enumerate(scores)]
    rows = np.eye(len(hits)).tolist()
    vectors = {h.chunk.id: row for h, row in zip(hits, rows, strict=True)}
    picked = diversify(hits, vectors, count=count, diversity=0.3)
    assert len(picked) == len({h.chunk.id for h in picked}) == min(count, len(hits))
    assert math.isclose(picked[0].score, max(scores))


TEXT = "One one.\n\nTwo two. Three.\n  Four.    Five."
PARTS = ((0, 8), (10, 18), (19, 25), (26, 33), (37, 42))


def part(number: int, score: float) -> ScoredChunk:
    """A part of the text."""
    start, end = PARTS[number]
    whole = replace(hit(number, score).chunk, start=start, end=end).with_text(TEXT)
    return ScoredChunk(chunk=whole, score=score)


def test_neighbours_are_one_passage_and_a_stretch_of_the_text() -> None:
    hits = [part(2, 0.9), part(0, 0.8), part(1, 0.7), part(4, 0.6)]
    places = join(hits, count=2)
    assert [[h.chunk.ordinal for h in place] for place in places] == [[1, 2], [0]]
    for place in join(hits[:1] + hits[2:], count=3):
        joined = passage(place).chunk
        assert TEXT[joined.start : joined.end] == joined.text
    best = passage(places[0])
    assert (best.chunk.id, best.score) == (hits[0].chunk.id, 0.9)
    assert best.chunk.text == "Two two. Three."


def test_three_neighbours_at_most_and_indentation_once() -> None:
    hits = [part(n, 1 - n / 10) for n in (1, 2, 3, 4)]
    places = join(hits, count=2)
    assert [[h.chunk.ordinal for h in place] for place in places] == [[1, 2, 3], [4]]
    assert passage(places[0]).chunk.text == TEXT[10:33]


def test_what_is_not_known_to_be_next_to_it_stays_apart() -> None:
    other = replace(part(1, 0.8).chunk, document=uuid4())
    older = replace(part(1, 0.8).chunk, version=2)
    unknown = replace(part(0, 0.9).chunk, gap="")
    for first, second in (
        (part(0, 0.9).chunk, other),
        (part(0, 0.9).chunk, older),
        (unknown, part(1, 0.8).chunk),
        (part(0, 0.9).chunk, part(2, 0.8).chunk),
    ):
        hits = [ScoredChunk(chunk=first, score=0.9), ScoredChunk(chunk=second, score=0.8)]
        assert [len(place) for place in join(hits, count=8)] == [1, 1]


@given(st.lists(st.sampled_from(range(5)), unique=True), st.integers(1, 5))
def test_no_chunk_is_given_twice_and_each_passage_is_a_stretch(
    numbers: list[int], count: int
) -> None:
    places = join([part(n, 1.0) for n in numbers], count=count)
    given_ = [h.chunk.ordinal for place in places for h in place]
    assert len(given_) == len(set(given_))
    assert len(places) <= count
    for place in places:
        joined = passage(place).chunk
        assert TEXT[joined.start : joined.end] == joined.text
