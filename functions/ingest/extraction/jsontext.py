"""JSON and JSON Lines → what their strings say, a record a section.

A record is an object in the outermost list, or a line.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from functions.ingest.extraction.decoding import decode
from functions.ingest.extraction.records import record
from quire.domain import Block
from quire.errors import Unreadable

# Python takes up to twenty times as much for the values: of a file, or of a line of JSON Lines.
_LONGEST = 10 * 2**20
# Lines of objects under the name of JSON.
_LINES = re.compile(r"\s*+\{[^\n]*\}[ \t]*+\n\s*+\{")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# Numbers stay as they were written.
_loads = partial(json.loads, parse_float=str, parse_int=str, parse_constant=str, strict=False)

# Where a record stands, "line 7" or "item 7", and the record.
_Record = tuple[str, Any]


def read(content: bytes, *, content_type: str | None, lines: bool) -> Iterator[Block]:
    """Return the records as blocks; raise Unreadable, here or while reading."""
    text = decode(content, declared=content_type)
    return _blocks(_lines(text) if lines or _LINES.match(text) else _whole(text))


def _blocks(records: Iterator[_Record]) -> Iterator[Block]:
    try:
        for place, value in records:
            yield from record(value, (), place)
    except RecursionError:
        raise Unreadable(
            "This JSON file is nested too deep; make it flatter and upload it again."
        ) from None


def _lines(text: str) -> Iterator[_Record]:
    for number, line in enumerate(_LINE.finditer(text), start=1):
        if line[0].strip():
            yield f"line {number}", _value(line[0], line=number)


def _whole(text: str) -> Iterator[_Record]:
    value = _value(text)
    if isinstance(value, list):
        for number, element in enumerate(value, start=1):
            yield f"item {number}", element
    else:
        yield "", value


def _value(text: str, *, line: int = 1) -> Any:
    if len(text) > _LONGEST:
        raise Unreadable(
            f"This JSON is over {_LONGEST // 2**20} MB in one piece; save it as JSON Lines "
            "(.jsonl), a record a line, and upload that."
        )
    try:
        return _loads(text)
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"This file is not JSON from line {line + error.lineno - 1} on; mend that line and "
            "upload the file again."
        ) from None
