"""CSV and TSV → rows that say what their values are."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from functions.ingest.extraction import rows
from functions.ingest.extraction.decoding import decode
from quire.domain import Block
from quire.errors import Unreadable

_DELIMITERS = ",;\t|"
_SAMPLE = 50
# A quote that is never closed makes one value of all that follows.
_LONGEST_VALUE = 2**20


def read(content: bytes, *, content_type: str | None, tabs: bool) -> Iterator[Block]:
    """Return the rows as blocks; raise Unreadable, here or while reading."""
    text = decode(content, declared=content_type)
    return rows.blocks(_rows(text, "\t" if tabs else _delimiter(text)), heading=())


def _delimiter(text: str) -> str:
    """Return the sign that parts most lines into as many cells, which several signs may."""
    best, most = ",", 0.0
    for sign in _DELIMITERS:
        cells = Counter(
            len(row) for row in islice(_records(text[: 2**16], sign), _SAMPLE) if len(row) > 1
        )
        if cells:
            width, lines = cells.most_common(1)[0]
            score = lines + width / (width + 1)  # of two that part as many lines, the finer
            best, most = (sign, score) if score > most else (best, most)
    return best


def _rows(text: str, delimiter: str) -> Iterator[rows.Row]:
    for number, record in enumerate(_records(text, delimiter), start=1):
        # Blank lines count: spreadsheets show them.
        cells = {column: " ".join(value.split()) for column, value in enumerate(record)}
        if values := {column: value for column, value in cells.items() if value}:
            yield number, values


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    # The limit is one for the whole process, so all who set it have to set the same.
    csv.field_size_limit(_LONGEST_VALUE)
    lines = (line[0] for line in re.finditer(r"[^\n]*\n|[^\n]+", text))
    records = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t")
    try:
        yield from records
    except csv.Error:
        raise Unreadable(
            f"Line {records.line_num} of this table cannot be read: a quotation mark before it "
            "may not be closed; mend it and upload the file again."
        ) from None
