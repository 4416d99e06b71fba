"""How the extractive model cuts sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.extractive import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It grew 3.5 times. Then it fell.", ["It grew 3.5 times.", "Then it fell."]),
        ("Dr. Ito, e.g. J. R. Ito, came. He sat.", ["Dr. Ito, e.g. J. R. Ito, came.", "He sat."]),
        ("See Fig. 3 and No. 5. They differ.", ["See Fig. 3 and No. 5.", "They differ."]),
        ("It takes 0.13 ms. Twelve joints do.", ["It takes 0.13 ms.", "Twelve joints do."]),
        ("It pushes with 100 N. Enough.", ["It pushes with 100 N.", "Enough."]),
        ('"Stop." She fell. (So did he.) End.', ['"Stop."', "She fell.", "(So did he.)", "End."]),
        ("**Time is real.** Late is wrong.", ["**Time is real.**", "Late is wrong."]),
        ("A line\nthat wraps. Another\none.", ["A line that wraps.", "Another one."]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]) -> None:
    assert list(split_sentences(text)) == sentences


def test_markdown_is_read_as_its_blocks() -> None:
    text = """# Heading

Before the list:

- an item
  that wraps
- **another** item. With two sentences
2. a numbered one

| robot | mass  |
|-------|------:|
| Ada   | 65 kg |
After the table.

```python
print("Not prose. Not quoted.")
```

> Quoted words.
>
> ### Inside
> More of them.
"""
    assert list(split_sentences(text)) == [
        "Before the list:",
        "an item that wraps",
        "**another** item.",
        "With two sentences",
        "a numbered one",
        "robot | mass",
        "Ada | 65 kg",
        "After the table.",
        "Quoted words.",
        "More of them.",
    ]


def test_what_never_ends_is_cut_between_words() -> None:
    pieces = list(split_sentences("word " * 300))
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 500
    assert " ".join(pieces) == " ".join(["word"] * 300)


@given(st.text(alphabet='aB1.!? \n\t>|-*#`~"()[]_:é', max_size=200))
def test_every_sentence_is_in_the_text_word_for_word(text: str) -> None:
    folded = " ".join(text.split())
    for sentence in split_sentences(text):
        assert sentence
        assert sentence in folded
