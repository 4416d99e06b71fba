from functions.chat.citing import cite
from quire.domain import Source

SOURCES = [
    Source(index=i, text=f"source {i}", start=10 * i, end=10 * i + 8, score=1.0, title="T")
    for i in (1, 2, 3)
]


def spans(answer: str) -> list[tuple[int, str]]:
    return [(c.index, answer[c.answer_start : c.answer_end]) for c in cite(answer, SOURCES)]


def test_a_marker_cites_the_sentence_it_closes() -> None:
    answer = "Gears wear [1]. Motors heat up [2]."
    assert spans(answer) == [(1, "Gears wear"), (2, "Motors heat up")]


def test_a_marker_after_the_full_stop_cites_the_sentence_before() -> None:
    assert spans("Gears wear. [1] Motors heat up. [3]") == [
        (1, "Gears wear."),
        (3, "Motors heat up."),
    ]


def test_several_markers_share_a_sentence() -> None:
    assert spans("Gears wear [1][3].") == [(1, "Gears wear"), (3, "Gears wear")]


def test_only_the_last_sentence_is_claimed() -> None:
    assert spans("An aside. Gears wear [2].") == [(2, "Gears wear")]


def test_markers_without_a_source_or_a_claim_cite_nothing() -> None:
    assert spans("Gears wear [9]. [1]") == []
    assert spans("[1]") == []
    assert spans("a list [x] and array[0]") == []


def test_a_citation_is_the_sources_own_words() -> None:
    (citation,) = cite("机器人 😀 会走 [2]。", SOURCES)
    assert (citation.cited_text, citation.start, citation.end) == ("source 2", 20, 28)
