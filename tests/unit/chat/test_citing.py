"""Markers, however the model writes them and wherever its words are cut."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.chat.citing import Citer
from functions.chat.events import Cited, ResponseChunk
from quire.domain import Source

TEXTS = (
    "Gears wear out quickly. Motors heat up under load.",
    "机器人学会走路。它摔倒很多次😀，然后站起来。",
    "# Title\n\nGrease has to be renewed every year.",
)
SOURCES = [
    Source(index=i, text=text, start=100 * i, end=100 * i + len(text), score=1.0, title="T")
    for i, text in enumerate(TEXTS, start=1)
]


def cite(written: str, *, sizes: list[int] | None = None) -> Citer:
    citer, shown, at = Citer(SOURCES), "", 0
    for size in [*(sizes or []), len(written)]:
        for event in citer.feed(written[at : at + size]):
            if isinstance(event, ResponseChunk):
                shown += event.text
            else:
                assert citer.text == shown, "a citation comes right after its number"
        at += size
    shown += "".join(e.text for e in citer.finish() if isinstance(e, ResponseChunk))
    assert shown == citer.text
    return citer


def spans(written: str) -> list[tuple[int, str]]:
    citer = cite(written)
    return [(c.index, citer.text[c.answer_start : c.answer_end]) for c in citer.citations]


def test_a_marker_cites_the_sentence_it_closes() -> None:
    written = "Gears wear [1.1]. Motors heat up [2.1]."
    assert spans(written) == [(1, "Gears wear"), (2, "Motors heat up")]
    assert cite(written).text == "Gears wear [1]. Motors heat up [2]."


def test_a_marker_after_the_full_stop_cites_the_sentence_before() -> None:
    assert spans("Gears wear. [1.1] Motors heat up. [3.2]") == [
        (1, "Gears wear."),
        (3, "Motors heat up."),
    ]


def test_several_markers_share_a_sentence_and_a_number_is_shown_once() -> None:
    assert spans("Gears wear [1.1][3.2].") == [(1, "Gears wear"), (3, "Gears wear")]
    assert cite("Gears wear [1.1][1.2].").text == "Gears wear [1]."


@pytest.mark.parametrize(
    "marker",
    [
        *("[ 1.1 ]", "[1.1 ]", "[1.1,  2.1]", "[1.1, ]", "[1.1 ,2.1;]", "[1.1 2.1]", "[1.1 -  2]"),
        *("[[1.1], [2.1]]", "[ [1.1] [2.1] ]", "[[1.1, 1.2]; 2.1]", "【 1.1、2.1 】"),
        *("\\[1.1\\]", "\\[1.1, 2.1\\]"),
        f"[{', '.join(['1.1', '1.2', '2.1', '2.2', '3.2'] * 4)}]",
        f"[{'1.1, ' * 70}2.1]",
    ],
)
def test_no_marker_is_shown_as_it_is_written(marker: str) -> None:
    cited = dict.fromkeys(number for number in "123" if f"{number}." in marker)
    shown = "Gears wear " + "".join(f"[{number}]" for number in cited)
    for size in (1, 3, 1000):
        citer = cite(f"Gears wear {marker}.", sizes=[size] * (len(marker) // size + 12))
        assert (citer.text, citer.unverified) == (f"{shown}.", 0)


def test_a_list_without_end_is_not_waited_for() -> None:
    citer = Citer(SOURCES)
    for _ in range(200):
        list(citer.feed("[1, 2, 3, " if not citer.text else "4, "))
    assert len(citer.text) > 100


def test_only_the_last_sentence_is_claimed() -> None:
    assert spans("An aside. Gears wear [2.1].") == [(2, "Gears wear")]


def test_what_names_no_sentence_is_taken_out_and_counted() -> None:
    citer = cite("Gears wear [9.1] out [1.3] now [1] and then [3.1].")
    assert citer.text == "Gears wear out now and then."
    assert (citer.citations, citer.unverified) == ([], 4)


def test_brackets_that_are_no_markers_stay() -> None:
    for written in ("a list [x] and [see below]", "in 2024 [sic]", "an [] empty one", "x[i] = 1"):
        assert cite(written).text == written
        assert cite(written).unverified == 0


def test_a_citation_is_the_sources_own_words() -> None:
    (citation,) = cite("机器人 😀 会走 [2.2]。").citations
    assert citation.cited_text == "它摔倒很多次😀，然后站起来。"
    assert TEXTS[1][citation.start - 200 : citation.end - 200] == citation.cited_text


PIECES = st.sampled_from(
    [
        *("[", "]", "[[", "]]", "1", "2.1", ".", "-", ", ", " ", "word", "`", "```", "\n", "😀"),
        *(
            "[1.1]",
            "[2.2]",
            "[1.1-2]",
            "【1.2】",
            "［２．１］",
            "[9.9]",
            "[1.2 [2.1]]",
            "[3",
            "\\",
            "\\[",
        ),
        *("[1.1, 2.1, 1.2]", "e\u0301", "机器人", "[ 1.1 ,", "[[1.1], [2.2]]", " " * 25),
        *(", 1.1" * 75, "[ 2.1" + ", 2.2" * 76),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join), st.integers(0, 2**32))
def test_it_does_not_matter_where_the_words_are_cut(written: str, seed: int) -> None:
    chance = random.Random(seed)
    whole, cut = cite(written), cite(written, sizes=[chance.randint(1, 4) for _ in written])
    assert (cut.text, cut.citations, cut.unverified) == (
        whole.text,
        whole.citations,
        whole.unverified,
    )
    for citation in whole.citations:
        start = 100 * citation.index
        text = TEXTS[citation.index - 1]
        assert text[citation.start - start : citation.end - start] == citation.cited_text
        assert whole.text[: citation.marker_end].endswith(f"[{citation.index}]")
        assert 0 <= citation.answer_start <= citation.answer_end <= citation.marker_end


def test_half_a_marker_at_the_end_is_not_shown() -> None:
    for end in (" [", " [1", " [1.", "[1.2", " [[1.2]", " [1.2, ", "【2", " [1.2 [2."):
        assert cite(f"Gears wear{end}").text == "Gears wear"


def test_events_are_of_the_two_kinds() -> None:
    citer = Citer(SOURCES)
    events = [*citer.feed("Gears wear [1.1]."), *citer.finish()]
    assert [type(event) for event in events] == [ResponseChunk, ResponseChunk, Cited, ResponseChunk]
