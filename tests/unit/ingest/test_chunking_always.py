"""What holds of passages whatever the text is."""

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.chunking import chunk
from quire.domain import Block
from quire.tokens import count_tokens
from tests.unit.ingest.blocks import block, words

WORDS = st.sampled_from(
    [
        *(
            "word",
            "Sentence.",
            "as follows:",
            "x" * 50,
            "机器人。",
            "机器" * 40,
            "🤖",
            "👩\u200d🔧",
            "e\u0301",
        ),
        *(
            "a\u0301\u0302\u0327",
            "| a | b |",
            "|---|---|",
            "> # Quoted",
            ">",
            "- item",
            "3.14",
            "Dr. no",
        ),
        *(" ", "  ", "\n", "\n\n", "\r", "\r\n", "\f", "\t", "\u2028", "\xa0", "\x85"),
    ]
)


TEXTS = st.lists(WORDS, max_size=40).map("".join) | st.text(max_size=80)


KINDS = st.sampled_from(["heading", "paragraph", "list_item", "table", "code"])


PATHS = st.lists(st.sampled_from(["A", "B"]), max_size=3).map(tuple)


BLOCKS = st.lists(
    st.builds(Block, text=TEXTS, kind=KINDS, heading=PATHS, page=st.none() | st.integers(1, 9)),
    max_size=20,
)


LIMITS = st.integers(1, 60)


@given(BLOCKS, LIMITS)
def test_passages_are_stretches_of_the_text(blocks: list[Block], limit: int) -> None:
    text = "".join(block.text for block in blocks)
    passages = list(chunk(blocks, limit=limit))
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.text.strip()
        assert passage.text == passage.text.rstrip()
        assert passage.tokens == count_tokens(passage.text) <= limit
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))


@given(BLOCKS, LIMITS)
def test_every_character_is_in_one_passage(blocks: list[Block], limit: int) -> None:
    text = "".join(block.text for block in blocks)
    passages = list(chunk(blocks, limit=limit))
    ends = [0, *(passage.end for passage in passages)]
    starts = [*(passage.start for passage in passages), len(text)]
    for end, start in zip(ends, starts, strict=True):
        assert end <= start
        assert not text[end:start].strip()


@given(BLOCKS, LIMITS)
def test_a_stream_makes_the_same_passages(blocks: list[Block], limit: int) -> None:
    assert list(chunk(iter(blocks), limit=limit)) == list(chunk(blocks, limit=limit))


@given(BLOCKS, st.integers(16, 60))
def test_a_mark_is_not_parted_from_its_base(blocks: list[Block], limit: int) -> None:
    text = "".join(block.text for block in blocks)
    ends = {0}
    for part in blocks:
        ends.add(max(ends) + len(part.text))
    for passage in chunk(blocks, limit=limit):
        run = text[passage.start : passage.start + limit]
        if passage.start not in ends and not all(category(mark)[0] == "M" for mark in run):
            assert category(text[passage.start])[0] != "M" or text[passage.start - 1].isspace()


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 90)), max_size=12), st.integers(16, 60))
def test_a_heading_goes_with_the_text_below(sections: list[tuple[int, int]], limit: int) -> None:
    """Unless more than half a passage of headings follow each other."""
    blocks: list[Block] = []
    headings = length = 0
    together: list[tuple[int, int]] = []
    for level, body in sections:
        path = ("A", "B", "C")[:level]
        parts = [block("head", "heading", *path), block(words(body), "paragraph", *path)]
        parts = parts if body else parts[:1]
        headings += 1
        if body:
            if headings <= limit // 2:
                together.append((length, length + len(parts[0].text)))
            headings = 0
        blocks += parts
        length += sum(len(part.text) for part in parts)
    passages = list(chunk(blocks, limit=limit))
    for heading, below in together:
        assert any(p.start <= heading and below < p.end for p in passages)


@pytest.mark.parametrize("blocks", [[], [block("")], [block(" \n\f "), block("\t")]])
def test_no_text_makes_no_passages(blocks: list[Block]) -> None:
    assert list(chunk(blocks)) == []
