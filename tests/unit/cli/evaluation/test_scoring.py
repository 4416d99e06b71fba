"""Metrics against figures worked out by hand."""

from math import log2

import pytest

from cli.evaluation.asking import Found, Hit
from cli.evaluation.dataset import Dataset, Document, Query, Span, Unit
from cli.evaluation.scoring import covered, measured, score


def hit(document: str, start: int = 0, end: int = 10) -> Hit:
    chunk = f"{document}:{start}"
    return Hit(document=document, chunk=chunk, start=start, end=end, title="", text="")


def found(*hits: Hit) -> Found:
    return Found(hits=hits, foreign=0, timings={}, attempts=1)


def dataset(*queries: Query, unit: Unit = "document") -> Dataset:
    documents = [Document(id=name, name=name, text="") for name in "abcdef"]
    return Dataset(name="d", kind="BEIR", unit=unit, documents=documents, queries=queries)


def query(*relevant: str, name: str = "q", **more: object) -> Query:
    grades = dict.fromkeys(relevant, 1)
    return Query(id=name, question="?", relevant=grades, **more)  # type: ignore[arg-type]


def test_documents_count_where_their_first_chunk_is() -> None:
    # Ranked: a, b, c, d. Relevant: b (second), d (fourth), f (never found).
    hits = [hit("a"), hit("a", 10, 20), hit("b"), hit("a", 20, 30), hit("c"), hit("d")]
    scored = score(dataset(query("b", "d", "f")), [found(*hits)])
    ideal = 1 + 1 / log2(3) + 1 / log2(4)
    assert {name: values[0] for name, values in scored.metrics.items()} == pytest.approx(
        {
            "nDCG@10": (1 / log2(3) + 1 / log2(5)) / ideal,
            "MRR@10": 1 / 2,
            "recall@1": 0,
            "recall@5": 2 / 3,
            "recall@10": 2 / 3,
            "recall@100": 2 / 3,
        }
    )
    assert scored.ranks == [2]
    assert scored.curve.shape == (1, 100)
    assert scored.curve[0, [0, 1, 2, 3, 99]] == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])


def test_grades_are_gains() -> None:
    graded = Query(id="q", question="?", relevant={"a": 2, "b": 1})
    scored = score(dataset(graded), [found(hit("b"), hit("a"))])
    expected = (1 + 2 / log2(3)) / (2 + 1 / log2(3))
    assert scored.metrics["nDCG@10"][0] == pytest.approx(expected)


def test_the_eleventh_is_too_late_for_a_cutoff_of_ten() -> None:
    queries = [query("late", name="q1"), query("a", name="q2"), query("a", name="q3")]
    ten = [hit(str(number)) for number in range(10)]
    answers = [found(*ten, hit("late")), found(hit("a")), found()]
    scored = score(dataset(*queries), answers)
    assert scored.metrics["nDCG@10"].tolist() == [0, 1, 0]
    assert scored.metrics["MRR@10"].tolist() == [0, 1, 0]
    assert scored.metrics["recall@10"].tolist() == [0, 1, 0]
    assert scored.metrics["recall@100"].tolist() == [1, 1, 0]
    assert scored.curve[0, 9:11].tolist() == [0, 1]
    assert scored.ranks == [11, 1, None]


def test_a_passage_is_where_half_of_it_is() -> None:
    asked = query("a", passages=[Span("a", 8, 18)])
    # Two characters of the passage, then another document's same place, then five, then all.
    hits = [hit("a", 0, 10), hit("b", 8, 18), hit("a", 13, 25), hit("a", 0, 30)]
    scored = score(dataset(asked, unit="passage"), [found(*hits)])
    assert scored.ranks == [3]
    assert scored.metrics["MRR@10"][0] == pytest.approx(1 / 3)
    assert scored.metrics["recall@1"][0] == 0
    assert scored.metrics["recall@5"][0] == 1
    assert scored.metrics["excerpt recall@1"][0] == pytest.approx(0.2)
    assert scored.metrics["excerpt recall@5"][0] == 1


def test_covered_characters_are_counted_once() -> None:
    span = Span("a", 10, 30)
    assert covered([span], []) == 0
    assert covered([span], [hit("b", 0, 40)]) == 0
    assert covered([span], [hit("a", 0, 10), hit("a", 30, 40)]) == 0
    assert covered([span], [hit("a", 20, 40), hit("a", 5, 15), hit("a", 12, 16)]) == 16
    assert covered([span], [hit("a", 0, 40), hit("a", 15, 20)]) == 20
    assert covered([span, Span("b", 0, 5)], [hit("a", 0, 15), hit("b", 0, 10)]) == 10


def test_all_passages_count_but_one_answer_suffices() -> None:
    asked = query(
        "a",
        passages=[Span("a", 0, 10), Span("b", 0, 30)],
        answers=[Span("a", 0, 4), Span("a", 20, 24)],
    )
    scored = score(dataset(asked), [found(hit("a", 0, 10))])
    assert scored.metrics["excerpt recall@1"][0] == pytest.approx(10 / 40)
    assert scored.metrics["answer recall@1"][0] == 1
    assert measured(dataset(asked)) == list(scored.metrics)
