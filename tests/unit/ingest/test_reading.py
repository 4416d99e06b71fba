"""Bytes → text and passages, and the checkpoint that keeps them."""

import time
from itertools import pairwise

import pytest

from functions.ingest.chunking import LIMIT
from functions.ingest.reading import TITLE_LENGTH, OutOfTime, Text, pack, read, unpack
from quire.domain import Passage
from quire.errors import Unreadable
from quire.objects import StoredObject

# Beyond ASCII, so that offsets in bytes or UTF-16 would be noticed.
SECTIONS = "".join(
    f"## Gelenk {n} 🤖\n\n{'Ein Gelenk dreht sich é 机器人. ' * 30}\n\n" for n in range(6)
)
MARKDOWN = f"# Über Gelenke\n\nVorweg ein Satz.\n\n{SECTIONS}"


def stored(content: str, content_type: str = "text/markdown") -> StoredObject:
    return StoredObject(content=content.encode(), content_type=content_type, metadata={})


def in_time(content: str, filename: str = "deep/guide.md") -> Text:
    return read(stored(content), filename=filename, until=time.monotonic() + 30)


@pytest.fixture(scope="module")
def text() -> Text:
    return in_time(MARKDOWN)


def test_passages_are_spans_of_the_text(text: Text) -> None:
    assert text.title == "Über Gelenke"
    assert len(text.passages) > 6
    assert [p.ordinal for p in text.passages] == list(range(len(text.passages)))
    for passage in text.passages:
        assert text.text[passage.start : passage.end] == passage.text
        assert 0 < passage.tokens <= LIMIT
    assert all(one.end <= other.start for one, other in pairwise(text.passages))


def test_what_is_kept_comes_back_whole(text: Text) -> None:
    assert unpack(pack(text), text.text) == text


def test_pages_come_back() -> None:
    paged = Text(
        title="t",
        text="one",
        passages=[
            Passage(ordinal=0, start=0, end=3, text="one", heading=("a", "b"), page=7, tokens=1)
        ],
    )
    assert unpack(pack(paged), "one") == paged


def test_the_words_are_not_kept_twice(text: Text) -> None:
    assert len(pack(text)) < len(text.text.encode()) / 4


def test_time_runs_out() -> None:
    with pytest.raises(OutOfTime):
        read(stored(MARKDOWN), filename="a.md", until=time.monotonic() - 1)


@pytest.mark.parametrize("blank", ["", " \n\t\n", "\ufeff\n", "\u200b\u2060\n\n\u202e\xad"])
def test_a_file_without_text_is_refused(blank: str) -> None:
    with pytest.raises(Unreadable, match=r"no text|empty"):
        in_time(blank)


def test_a_file_whose_name_misleads_is_refused() -> None:
    with pytest.raises(Unreadable, match="rename"):
        in_time("Nothing but words.", "shelf/\u202egpj.exe.md")


def test_without_a_title_the_file_names_it() -> None:
    assert in_time("Nothing but words.", "shelf/some notes.md").title == "some notes"


def test_a_title_is_no_essay() -> None:
    assert in_time(f"# {'x' * 1_000}\n\nWords.").title == "x" * TITLE_LENGTH


def test_what_a_parser_stumbles_over_is_the_files_fault() -> None:
    with pytest.raises(Unreadable):
        read(
            StoredObject(content=b"%PDF-1.7 " + b"\0" * 99, content_type=None, metadata={}),
            filename="a.pdf",
            until=time.monotonic() + 30,
        )
