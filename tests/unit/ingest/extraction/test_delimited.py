"""Rows of CSV and TSV say what their values are."""

import pytest

from functions.ingest.extraction import extract
from quire.errors import Unreadable


def texts_of(content: str, filename: str = "a.csv") -> list[tuple[tuple[str, ...], str]]:
    blocks = extract(content.encode(), filename=filename).blocks
    return [(block.heading, block.text.removesuffix("\n\n")) for block in blocks]


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        ('Name,Year\n"Lovelace, Ada",1843\n', "a.csv"),
        ("Name;Year\r\nLovelace, Ada;1843", "a.csv"),
        ("Name|Year\nLovelace, Ada|1843", "a.csv"),
        ("Name\tYear\nLovelace, Ada\t1843", "a.tsv"),
    ],
)
def test_any_usual_sign_parts_values(content: str, filename: str) -> None:
    assert texts_of(content, filename) == [(("row 2",), "Name: Lovelace, Ada; Year: 1843")]


def test_rows_are_counted_as_a_spreadsheet_shows_them() -> None:
    rows = "Name,Year\n\nAda,1843\n" + '"Grace\nHopper",\n'
    assert texts_of(rows) == [(("rows 3–4",), "Name: Ada; Year: 1843\nName: Grace Hopper")]


def test_figures_have_no_head() -> None:
    assert texts_of("1,2\n3,4\n") == [(("rows 1–2",), "1; 2\n3; 4")]


def test_one_column_is_a_list() -> None:
    assert texts_of("Ada\nGrace") == [(("rows 1–2",), "Ada\nGrace")]


def test_a_head_alone_is_kept() -> None:
    assert texts_of("Name,Year\n") == [(("row 1",), "Name; Year")]


def test_a_quote_without_an_end_is_told() -> None:
    with pytest.raises(Unreadable, match=r"Line \d+ .* quotation mark"):
        texts_of('Name,Year\n"Ada,1843\n' + "x,1\n" * 300_000)
