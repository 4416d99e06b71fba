"""reStructuredText's sections, lists, tables and code, and what of Sphinx's can be kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.extraction import extract
from functions.ingest.extraction.rst import read
from quire.domain import Block
from quire.errors import Unreadable

WORDS = st.lists(st.sampled_from(["robot", "arm", "é", "🤖", "東京"]), min_size=1).map(" ".join)
SOUP = st.lists(
    st.sampled_from(
        "Title\n|=====\n|-----\n|== ==\n|+--+\n|- a\n|1. b\n|::\n|   in\n|.. code::\n|\n|\n\n|word"
        "|é🤖|\t| |>>> x\n|\f|\u2028|*|`a`_|:b:`c`|.. foo:: d\n|.. |d| replace:: e|.. _f:\n".split(
            "|"
        )
    )
).map("".join)


def blocks_of(source: str) -> list[Block]:
    return list(extract(source.encode(), filename="a.rst").blocks)


def shape_of(source: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text.removesuffix("\n\n")) for block in blocks_of(source)]


@given(SOUP)
def test_whatever_is_typed_is_read(source: str) -> None:
    _, blocks = read(source.encode(), content_type=None)
    assert all(block.text.endswith("\n\n") for block in blocks)


@given(st.lists(WORDS, min_size=1))
def test_paragraphs_are_kept_word_for_word(paragraphs: list[str]) -> None:
    assert shape_of("\n\n".join(paragraphs)) == [("paragraph", text) for text in paragraphs]


def test_underlines_make_levels_as_they_come() -> None:
    source = "======\nRobots\n======\n\nArms\n----\ntext\n\nHands\n~~~~~\n\nLegs\n----\nmore\n"
    assert [(block.kind, block.heading) for block in blocks_of(source)] == [
        ("heading", ("Robots",)),
        ("heading", ("Robots", "Arms")),
        ("paragraph", ("Robots", "Arms")),
        ("heading", ("Robots", "Arms", "Hands")),
        ("heading", ("Robots", "Legs")),
        ("paragraph", ("Robots", "Legs")),
    ]
    assert extract(source.encode(), filename="a.rst").title == "Robots"


def test_lists_code_and_notes_are_told_apart() -> None:
    source = """Like *this*::

    x = 1

    y = 2

- one
  more

  - and more

2. two

.. note::

   Careful.

Term
    Meaning.

.. A comment.

>>> 1 + 1
2

.. [1] By Ada.
"""
    assert shape_of(source) == [
        ("paragraph", "Like this:"),
        ("code", "x = 1\n\ny = 2"),
        ("list_item", "- one\nmore\n- and more"),
        ("list_item", "2. two"),
        ("paragraph", "Careful."),
        ("list_item", "Term\nMeaning."),
        ("code", ">>> 1 + 1\n2"),
        ("paragraph", "1\nBy Ada."),
    ]


def test_a_table_is_a_line_a_row() -> None:
    simple = "==  ==\nA   B\n==  ==\n1   2\n\n3   4\n==  ==\n\n"
    grid = "+---+---+\n| a | b |\n+---+---+\n\n"
    titled = ".. list-table:: Arms\n\n   * - cm\n     - 60\n"
    assert shape_of(simple + grid + titled) == [
        ("table", "A | B\n1 | 2\n3 | 4"),
        ("table", "a | b"),
        ("table", "Arms\ncm | 60"),
    ]


def test_what_sphinx_knows_and_docutils_does_not_is_kept() -> None:
    source = """See :class:`Arm` and :doc:`the guide <guide>`.

.. code-block:: python
   :emphasize-lines: 1

   lift()

.. py:function:: lift(arm)
   :async:

   Lifts *it*.

.. unheard-of:: this
   :option: that

   And **this**.
"""
    assert shape_of(source) == [
        ("paragraph", "See Arm and the guide <guide>."),
        ("code", "lift()"),
        ("paragraph", "lift(arm)"),
        ("paragraph", "Lifts it."),
        ("paragraph", ".. unheard-of:: this\n   :option: that\n\n   And **this**."),
    ]


def test_nothing_is_included_and_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    source = ".. include:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\n"
    source += ".. csv-table::\n   :file: /etc/passwd\n\n*Hi\n"
    assert "root:" not in "".join(block.text for block in blocks_of(source))
    assert capfd.readouterr().err == ""


def test_endless_text_nesting_and_errors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreadable, match="2 million characters"):
        blocks_of("a\n\n" * 2**20)
    with pytest.raises(Unreadable, match="nested too deep"):
        blocks_of("\n\n".join(" " * depth + "a" for depth in range(400)))
    monkeypatch.setattr("functions.ingest.extraction.rst._MOST_SECONDS", 0.2)
    with pytest.raises(Unreadable, match="too long"):
        blocks_of("\n".join(["`a *b " * 10] * 10_000))
