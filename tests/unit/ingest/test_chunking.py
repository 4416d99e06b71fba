"""Passages are the text, cut where its author would cut it."""

from collections.abc import Iterator
from itertools import count, islice, pairwise

from functions.ingest.chunking import LIMIT, chunk
from quire.domain import Block, Passage
from tests.unit.ingest.blocks import block, words


def texts_of(*blocks: Block, limit: int = LIMIT) -> list[str]:
    return [passage.text for passage in chunk(blocks, limit=limit)]


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
