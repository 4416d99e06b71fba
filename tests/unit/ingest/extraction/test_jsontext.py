"""A record of JSON is a section, headed by its title or its place."""

import json
from typing import Any

import pytest

from functions.ingest.extraction import extract
from quire.domain import Block
from quire.errors import Unreadable


def blocks_of(source: str, filename: str = "a.json") -> list[Block]:
    return list(extract(source.encode(), filename=filename).blocks)


def texts_of(value: Any) -> list[tuple[tuple[str, ...], str]]:
    return [(block.heading, block.text.strip()) for block in blocks_of(json.dumps(value))]


def test_a_record_has_a_title_texts_and_fields() -> None:
    source = '{"text": "They lift.\\n\\nAnd hold.", "year": 1.50, "title": "Robots", "done": true,'
    source += ' "none": null, "author": {"name": "Ada", "places": ["London", "Ockham"]}}'
    assert blocks_of(source) == [
        Block(text="Robots\n\n", kind="heading", heading=("Robots",)),
        Block(text="They lift.\n\n", kind="paragraph", heading=("Robots",)),
        Block(text="And hold.\n\n", kind="paragraph", heading=("Robots",)),
        Block(
            text="year: 1.50\ndone: true\nauthor: name: Ada; places: London, Ockham\n\n",
            kind="table",
            heading=("Robots",),
        ),
    ]


def test_records_without_a_title_are_called_by_their_place() -> None:
    assert texts_of([{"x": 1}, "words", [2, 3]]) == [
        (("item 1",), "x: 1"),
        (("item 2",), "words"),
        (("item 3", "item 1"), "2"),
        (("item 3", "item 2"), "3"),
    ]


@pytest.mark.parametrize("filename", ["a.jsonl", "a.ndjson", "a.json"])
def test_a_line_is_a_section(filename: str) -> None:
    lines = '{"title": "A", "text": "a"}\n\n{"x": 1}\n'
    assert [block.heading for block in blocks_of(lines, filename)] == [("A",), ("A",), ("line 3",)]


def test_texts_within_records_are_sections_too() -> None:
    assert texts_of(
        {"title": "A", "paragraphs": [{"context": "c", "qas": [{"question": "Why?"}]}]}
    ) == [
        (("A",), "A"),
        (("A", "paragraphs", "item 1"), "c"),
        (("A", "paragraphs", "item 1"), "qas: question: Why?"),
    ]


def test_a_value_without_end_is_refused_and_lines_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.ingest.extraction.jsontext._LONGEST", 20)
    with pytest.raises(Unreadable, match="JSON Lines"):
        blocks_of('["one", "two", "three"]')
    with pytest.raises(Unreadable, match="JSON Lines"):
        blocks_of('{"a": 1}\n{"a": "one two three"}', "a.jsonl")
    assert len(blocks_of('{"a": "one"}\n' * 9, "a.jsonl")) == 9


def test_what_no_text_can_hold_is_replaced() -> None:
    text = blocks_of(r'{"text": "a\u0000b\ud800c\ud83e\udd16"}')[0].text
    assert text == "a\ufffdb\ufffdc🤖\n\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("[" * 100_000, "nested"),
        ('{"a":' * 100_000, "nested"),
        ("[" + "[]," * 300_000 + "[]]", None),
        ('["a",\n"b', "line 2"),
        ('["a" "b"]', "line 1"),
        ('{"a" 1}', "line 1"),
        ("[1] x", "line 1"),
        ('{"a": 1}\n\n{"b"}', "line 3"),
        ('"' + r"\"" * 100_000, "line 1"),
        ("[" + "9" * 100_000 + "]", None),
    ],
    ids=["lists", "objects", "many", "end", "comma", "colon", "more", "lines", "quotes", "number"],
)
def test_what_is_no_json_is_told_where(source: str, reason: str | None) -> None:
    if reason:
        with pytest.raises(Unreadable, match=reason):
            blocks_of(source)
    else:
        blocks_of(source + "\n" if "9" in source else source.replace("[]]", "1]"))
