import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quire.retrieval.ranking import select_diverse

EAST, NORTH = [1.0, 0.0], [0.0, 1.0]


def vectors(*rows: list[float]) -> np.ndarray:
    return np.asarray(rows, dtype=np.float32)


def test_without_diversity_the_order_is_by_relevance() -> None:
    picked = select_diverse([0.2, 0.9, 0.5], vectors(EAST, EAST, EAST), count=3, diversity=0.0)
    assert picked == [1, 2, 0]


def test_a_twin_gives_way_to_what_is_different() -> None:
    found = vectors(EAST, EAST, NORTH)
    assert select_diverse([1.0, 0.9, 0.6], found, count=2, diversity=0.5) == [0, 2]
    assert select_diverse([1.0, 0.9, 0.6], found, count=2, diversity=0.0) == [0, 1]


def test_nothing_comes_of_nothing() -> None:
    assert select_diverse([], np.empty((0, 0), dtype=np.float32), count=8, diversity=0.3) == []


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), st.integers(1, 30))
def test_each_candidate_is_picked_once_and_the_best_first(scores: list[float], count: int) -> None:
    rows = np.eye(len(scores), dtype=np.float32)
    picked = select_diverse(scores, rows, count=count, diversity=0.3)
    assert len(picked) == len(set(picked)) == min(count, len(scores))
    assert scores[picked[0]] == max(scores)
