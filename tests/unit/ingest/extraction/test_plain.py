"""Plain text's blocks are its paragraphs, white space and all."""

from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.extraction import extract
from functions.ingest.extraction.plain import read
from quire.domain import Block


def test_blank_lines_part_paragraphs() -> None:
    text = "\n One,\nstill one.\n \t\n\n   Two.\n\nThree."
    blocks = extract(text.encode(), filename="a.txt").blocks
    assert list(blocks) == [
        Block(text="\n One,\nstill one.\n \t\n\n", kind="paragraph"),
        Block(text="   Two.\n\n", kind="paragraph"),
        Block(text="Three.", kind="paragraph"),
    ]


@given(
    st.lists(st.sampled_from(["a", "é🤖", " ", "\t", "\n", "\n\n", "\f", "\u2028"])).map("".join)
)
def test_the_blocks_are_the_text(text: str) -> None:
    assert "".join(block.text for block in read(text.encode(), content_type=None)) == text
