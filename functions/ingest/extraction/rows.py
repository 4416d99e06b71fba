"""Rows of a table → blocks in which every row tells what its values are: "Name: Ada; Year: 1843".

A row is cited without the table around it, so the head of each column goes with its values; where
it stood is the last name of its heading path: "rows 2–31".
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from quire.domain import Block
from quire.tokens import count_tokens

# (number as a spreadsheet shows it, column → value that is not blank)
Row = tuple[int, dict[int, str]]

# A passage takes 220 tokens; this leaves room for a sheet's name before its first rows.
_ROOM = 160
# A table's head is near the top, and what stands in it is short.
_TOP = 20
_LONGEST_NAME = 100
_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[-+]?[\d.,:/\s-]*\d[\d.,:/\s-]*[%)€$]?(?:[eE][-+]?\d+)?")


def blocks(rows: Iterable[Row], *, heading: tuple[str, ...]) -> Iterator[Block]:
    """Yield as many whole rows a block as keep it within a passage, one at least."""
    rows = iter(rows)
    top = list(islice(rows, _TOP))
    head = _head(top)
    names = {column: f"{name}: " for column, name in top[head][1].items()} if head >= 0 else {}
    for number, values in top[: max(head, 0)]:  # a title or a note above the table
        text = f"{'; '.join(values.values())}\n\n"
        yield Block(text=text, kind="paragraph", heading=(*heading, _range(number, number)))
    if head >= 0 and len(top) == head + 1:
        head -= 1  # a head alone is all the table says
        names = {}

    lines: list[str] = []
    tokens = first = last = 0
    for number, values in chain(top[head + 1 :], rows):
        line = "; ".join(f"{names.get(column, '')}{value}" for column, value in values.items())
        count = count_tokens(line)
        if lines and tokens + count > _ROOM:
            yield _block(lines, heading, first, last)
            lines, tokens = [], 0
        first = first if lines else number
        lines.append(line)
        tokens += count
        last = number
    if lines:
        yield _block(lines, heading, first, last)


def _block(lines: list[str], heading: tuple[str, ...], first: int, last: int) -> Block:
    text = "\n".join(lines) + "\n\n"
    return Block(text=text, kind="table", heading=(*heading, _range(first, last)))


def _range(first: int, last: int) -> str:
    return f"row {first}" if first == last else f"rows {first}–{last}"


def _head(top: list[Row]) -> int:
    """Return which row names the columns: the first as wide as the table, if it is all names."""
    widths = sorted(len(values) for _, values in top)
    usual = widths[len(widths) // 2] if widths else 0
    for index, (_, values) in enumerate(top):
        if len(values) >= max(2, 0.6 * usual):
            return index if all(map(_is_name, values.values())) else -1
    return -1


def _is_name(value: str) -> bool:
    # A year may stand over a column of figures, a figure may not.
    return len(value) <= _LONGEST_NAME and (
        not _NUMBER.fullmatch(value) or re.fullmatch(r"(?:19|20)\d\d", value) is not None
    )
