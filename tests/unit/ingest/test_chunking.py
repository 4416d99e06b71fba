"""Passages are the text, cut where its author would cut it."""

from collections.abc import Iterator
from itertools import count, islice, pairwise
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.chunking import LIMIT, chunk
from quire.domain import Block, BlockKind, Passage
from quire.tokens import count_tokens

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


def block(text: str, kind: BlockKind = "paragraph", *heading: str) -> Block:
    return Block(text=f"{text}\n\n", kind=kind, heading=heading)


def words(number: int, word: str = "word") -> str:
    return " ".join([word] * number)


def texts_of(*blocks: Block, limit: int = LIMIT) -> list[str]:
    return [passage.text for passage in chunk(blocks, limit=limit)]


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


def test_a_section_that_fits_is_one_passage() -> None:
    texts = texts_of(
        block("# Robots", "heading", "Robots"),
        block(words(60), "paragraph", "Robots"),
        block("- arms", "list_item", "Robots"),
        block("x = 1\n\ny = 2", "code", "Robots"),
    )
    assert texts == [f"# Robots\n\n{words(60)}\n\n- arms\n\nx = 1\n\ny = 2"]


def test_passages_stay_within_their_sections() -> None:
    passages = list(
        chunk(
            [
                block("# Robots", "heading", "Robots"),
                block("## Arms", "heading", "Robots", "Arms"),
                block(words(80), "paragraph", "Robots", "Arms"),
                block("## Legs", "heading", "Robots", "Legs"),
                block(words(80, "step"), "paragraph", "Robots", "Legs"),
            ]
        )
    )
    assert [(passage.heading, passage.text[:20]) for passage in passages] == [
        (("Robots", "Arms"), "# Robots\n\n## Arms\n\nw"),
        (("Robots", "Legs"), "## Legs\n\nstep step s"),
    ]


def test_tiny_sections_share_a_passage_under_their_common_heading() -> None:
    glossary = [
        part
        for term in ("Arm", "Leg")
        for part in (
            block(f"## {term}", "heading", "Glossary", term),
            block(f"What a {term} is.", "paragraph", "Glossary", term),
        )
    ]
    other = [block("# End", "heading", "End"), block("Bye.", "paragraph", "End")]
    passages = list(chunk([*glossary, *other]))
    assert [(passage.heading, passage.text) for passage in passages] == [
        (("Glossary",), "## Arm\n\nWhat a Arm is.\n\n## Leg\n\nWhat a Leg is."),
        (("End",), "# End\n\nBye."),
    ]


def test_blocks_stay_whole_where_they_fit() -> None:
    said, code = f"{words(40)}.", words(150, "code")
    texts = texts_of(block(words(140)), block(said), block(code, "code"))
    assert texts == [f"{words(140)}\n\n{said}", code]


def test_a_long_paragraph_is_cut_at_sentence_ends() -> None:
    sentence = "E.g. robots fall, as 3.14 of them did (it is said!). "
    for text in texts_of(block(sentence * 40)):
        assert text.startswith("E.g. robots")
        assert text.endswith("(it is said!).")


def test_chinese_is_cut_at_its_sentence_ends() -> None:
    for text in texts_of(block("机器人在实验室里学习走路和抓取物体。" * 40)):
        assert text.startswith("机器人")
        assert text.endswith("。")


def test_the_end_of_a_section_is_cut_in_even_halves() -> None:
    passages = list(chunk([block("Robots walk. " * 80)]))
    assert [passage.tokens for passage in passages] == [160, 160]


def test_long_code_is_cut_at_blank_lines_and_keeps_its_indentation() -> None:
    function = "    def step():\n        return 1 + 1\n\n"
    for text in texts_of(block(function * 40, "code")):
        assert text.startswith("    def step")
        assert text.endswith("return 1 + 1")


def test_a_quotation_is_cut_between_its_paragraphs() -> None:
    quotation = "\n>\n".join(f"> {words(90, word)}" for word in ("one", "two", "three"))
    assert texts_of(block(quotation)) == [
        f"> {words(90, 'one')}\n>",
        f"> {words(90, 'two')}\n>\n> {words(90, 'three')}",
    ]


def test_a_tables_head_goes_with_its_first_rows() -> None:
    head, rule, row = "| part | size |", "|------|------|", "| a very long arm | 60 cm |"
    table = block("\n".join([head, rule, *[row] * 40]), "table")
    first, second, *_ = texts_of(block(words(195)), table)
    assert first == words(195)
    assert second.startswith(f"{head}\n{rule}\n{row}\n{row}")


def test_an_introduction_goes_with_what_it_introduces() -> None:
    start, code = block(words(130)), block(words(90, "code"), "code")
    for announcement in ("Put it as follows:", "这样写：", "Listing 1", "Then x is"):
        assert texts_of(start, block(announcement), code) == [
            words(130),
            f"{announcement}\n\n{words(90, 'code')}",
        ]


def test_text_without_white_space_is_cut_at_the_limit() -> None:
    assert [len(text) for text in texts_of(block("机" * 1000))] == [220, 220, 220, 220, 120]


def test_a_long_word_is_cut_but_no_other() -> None:
    text = f"{words(30)} {'x' * 1500} {words(30)}"
    passages = texts_of(block(text), limit=100)
    assert "".join(passages).replace(" ", "") == text.replace(" ", "")
    assert all("wor" not in passage or "word" in passage for passage in passages)


def test_the_page_is_the_one_a_passage_starts_on() -> None:
    blocks = [Block(text=f"{words(70)}\n\n", kind="paragraph", page=page) for page in (1, 2, 3, 4)]
    assert [passage.page for passage in chunk(blocks)] == [1, 3]


def test_blocks_are_read_as_they_are_needed() -> None:
    def endless() -> Iterator[Block]:
        for number in count():
            assert number < 100, "all is read before anything is given"
            yield block(words(50))

    passages: list[Passage] = list(islice(chunk(endless()), 5))
    assert all(one.end < other.start for one, other in pairwise(passages))


@pytest.mark.parametrize("blocks", [[], [block("")], [block(" \n\f "), block("\t")]])
def test_no_text_makes_no_passages(blocks: list[Block]) -> None:
    assert list(chunk(blocks)) == []
