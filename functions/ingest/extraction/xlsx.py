"""XLSX → the rows of its sheets, as openpyxl streams them."""

import os
import warnings
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from functions.ingest.extraction import rows
from functions.ingest.extraction.archive import damaged
from functions.ingest.extraction.office import Part, Room, or_damaged, slimmed, title
from quire.domain import Block
from quire.errors import Unreadable

# Entities are refused before openpyxl sees any; defusedxml would do so in twice its time.
os.environ.setdefault("OPENPYXL_DEFUSEDXML", "False")
from openpyxl import load_workbook  # type: ignore[import-untyped]
from openpyxl.xml.constants import (  # type: ignore[import-untyped]
    SHARED_STRINGS,
    SHEET_MAIN_NS,
    STYLES_TYPE,
    WORKSHEET_TYPE,
    XLSX,
)

# It warns of what Quire does not read: formats, filters, extensions.
warnings.filterwarnings("ignore", module="openpyxl")

_PARTS = {
    "officeDocument": Part(XLSX),
    "core-properties": Part("application/vnd.openxmlformats-package.core-properties+xml"),
    "styles": Part(STYLES_TYPE),
    "sharedStrings": Part(SHARED_STRINGS, most=48 * 2**20, forgotten=f"{SHEET_MAIN_NS} si"),
    "worksheet": Part(WORKSHEET_TYPE, most=200 * 2**20, forgotten=f"{SHEET_MAIN_NS} row"),
    # openpyxl passes over a sheet whose part is missing, but not one that nothing points to.
    **dict.fromkeys(("chartsheet", "dialogsheet", "xlMacrosheet", "xlIntlMacrosheet"), Part("")),
}
_ROOM = Room(in_all=200 * 2**20, markup=400_000)
# Excel's own limit.
_MOST_ROWS = 2**20
# openpyxl fills rows up to their last cell, so that a few bytes may make 16,384 of them.
_MOST_CELLS = 10_000_000


def read(content: bytes) -> tuple[str | None, Iterator[Block]]:
    """Return the title and the blocks; raise Unreadable, here or while reading."""
    file = slimmed(content, _PARTS, room=_ROOM)
    with or_damaged():
        workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        return title(workbook.properties.title), _blocks(workbook)


def _blocks(workbook: Any) -> Iterator[Block]:
    with or_damaged():
        for sheet in workbook.worksheets:
            name = " ".join(sheet.title.split())
            headed = False
            for block in rows.blocks(_rows(sheet), heading=(name,)):
                if not headed:
                    yield Block(text=f"{name}\n\n", kind="heading", heading=(name,))
                    headed = True
                yield block


def _rows(sheet: Any) -> Iterator[rows.Row]:
    sheet.reset_dimensions()  # what a sheet says of its size is often wrong
    count = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        count += len(cells)
        if number > _MOST_ROWS:
            raise damaged()
        if count > _MOST_CELLS:
            raise Unreadable(
                f"The sheet “{sheet.title[:100]}” is over {_MOST_CELLS // 10**6} million cells "
                "large, empty ones among them; delete what is beside the table, or save it as CSV, "
                "and upload that."
            )
        shown = (
            (column, _shown(cell)) for column, cell in enumerate(cells) if cell.value is not None
        )
        if values := {column: value for column, value in shown if value}:
            yield number, values


def _shown(cell: Any) -> str:
    """Return a cell's value as a reader sees it, dates as ISO 8601 writes them."""
    match cell.value:
        case bool(value):
            return str(value).upper()
        case int(value) | float(value):
            # Excel writes 0.1 + 0.2 to 17 digits and shows 15 of them.
            percent = "%" in cell.number_format
            return f"{value * 100:.15g}%" if percent else f"{value:.15g}"
        case datetime() as moment:
            return moment.isoformat(" ", "minutes").removesuffix(" 00:00")
        case time() as clock:
            return clock.isoformat("minutes")
        case value:
            return " ".join(str(value).split())
