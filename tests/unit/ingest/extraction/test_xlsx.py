"""Every row of a sheet says what its values are, and its block which rows it has."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]

from functions.ingest.extraction import extract
from quire.domain import Block
from quire.errors import Unreadable
from quire.tokens import count_tokens
from tests.unit.ingest.extraction.zips import excel


def saved(workbook: Workbook) -> bytes:
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()


def workbook_of(*rows: Sequence[Any]) -> Workbook:
    workbook = Workbook()
    workbook.worksheets[0].title = "People"
    for row in rows:
        workbook.worksheets[0].append(row)
    return workbook


def read(content: bytes) -> list[Block]:
    return list(extract(content, filename="a.xlsx").blocks)


def blocks_of(*rows: Sequence[Any]) -> list[Block]:
    return read(saved(workbook_of(*rows)))


def test_rows_name_their_values() -> None:
    assert blocks_of(["Name", "Year"], ["Ada", 1843]) == [
        Block(text="People\n\n", kind="heading", heading=("People",)),
        Block(text="Name: Ada; Year: 1843\n\n", kind="table", heading=("People", "row 2")),
    ]


def test_sheets_are_read_one_after_the_other_and_charts_passed_over() -> None:
    workbook = workbook_of(["Ada"])
    workbook.create_chartsheet("Chart")
    workbook.create_sheet("Blank")
    workbook.create_sheet("More").append(["Alan"])
    workbook.properties.title = "Who is who"
    extraction = extract(saved(workbook), filename="a.xlsx")
    assert extraction.title == "Who is who"
    assert [(block.heading[0], block.text.strip()) for block in extraction.blocks] == [
        ("People", "People"),
        ("People", "Ada"),
        ("More", "More"),
        ("More", "Alan"),
    ]


def test_blocks_are_passages_of_whole_rows() -> None:
    tables = blocks_of(["Name", "Year"], *([f"Ada {n}", n] for n in range(100)))[1:]
    assert all(100 < count_tokens(block.text) < 200 for block in tables[:-1])
    places = [block.heading[1].removeprefix("rows ").split("–") for block in tables]
    assert places[0][0] == "2"
    assert places[-1][1] == "101"
    assert all(int(a[1]) + 1 == int(b[0]) for a, b in pairwise(places))


def test_a_note_above_the_head_is_kept() -> None:
    blocks = blocks_of(["All we know"], [], ["Name", "Year"], ["Ada", "x"])
    assert [(block.heading[1], block.text.strip()) for block in blocks[1:]] == [
        ("row 1", "All we know"),
        ("row 4", "Name: Ada; Year: x"),
    ]


def test_figures_have_no_head() -> None:
    assert blocks_of([1, 2.5], [3, 4])[1].text == "1; 2.5\n3; 4\n\n"


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (date(2024, 1, 1), None, "2024-01-01"),
        (datetime(2024, 1, 1, 13, 30), None, "2024-01-01 13:30"),
        (time(13, 30), None, "13:30"),
        (timedelta(hours=30), None, "1 day, 6:00:00"),
        (45292, r"yyyy\-mm\-dd;@", "2024-01-01"),
        (0.255, "0.00%", "25.5%"),
        (12, '0 "days"', "12"),
        (0.1 + 0.2, None, "0.3"),
        (True, None, "TRUE"),
        (" a\nb ", None, "a b"),
        ("#N/A", None, "#N/A"),
        ("=1+1", None, None),
    ],
)
def test_values_are_what_their_format_shows(value: Any, form: str | None, shown: str) -> None:
    workbook = workbook_of([value, "x"])
    if form:
        workbook.worksheets[0]["A1"].number_format = form
    expected = f"{shown}; x" if shown else "x"
    assert read(saved(workbook))[1].text.strip() == expected


def test_shared_texts_are_found_and_readings_left_out() -> None:
    texts = "<si><t>one</t></si><si><r><t>東</t></r><r><t>京</t></r>"
    texts += '<rPh sb="0" eb="2"><t>トウ</t></rPh></si>'
    rows = '<row><c t="s"><v>1</v></c><c t="s"><v>0</v></c></row>'
    assert read(excel(rows, texts=texts))[1].text == "東京; one\n\n"
    with pytest.raises(Unreadable, match="damaged"):
        read(excel('<row><c t="s"><v>7</v></c></row>', texts=texts))


def test_a_single_cell_at_the_far_corner_costs_nothing() -> None:
    rows = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert read(excel(rows))[1].heading == ("People", "row 1048576")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ('<row r="999999999999"><c><v>1</v></c></row>', "damaged"),
        ('<row><c r="XFD1"><v>1</v></c></row>' * 700, "million cells"),
        (f"<row>{'<c/>' * 500_000}</row>", "too much markup"),
        (f"<row><c><v>{'1' * 100_000_000}</v></c></row>", "too much markup"),
        ("<a>" * 500_000, "endless nesting"),
    ],
    ids=["rows", "columns", "row", "text", "deep"],
)
def test_sheets_without_end_are_refused(rows: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(excel(rows))


def test_one_text_a_million_times_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.ingest.extraction._MOST_CHARACTERS", 2**20)
    rows = '<row><c t="s"><v>0</v></c></row>' * 40
    with pytest.raises(Unreadable, match="100 million characters"):
        read(excel(rows, texts=f"<si><t>{'x ' * 16_000}</t></si>"))
