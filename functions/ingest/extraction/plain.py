"""Plain text → its paragraphs, which blank lines part."""

import re
from collections.abc import Iterator

from functions.ingest.extraction.decoding import decode
from quire.domain import Block

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


def read(content: bytes, *, content_type: str | None) -> Iterator[Block]:
    """Return blocks that are exact slices of the text; raise Unreadable if it is none."""
    return paragraphs(decode(content, declared=content_type))


def paragraphs(text: str) -> Iterator[Block]:
    """Yield the paragraphs, which together are the text."""
    start = 0
    for blank_lines in _BLANK_LINES.finditer(text):
        yield Block(text=text[start : blank_lines.end()], kind="paragraph")
        start = blank_lines.end()
    if start < len(text):
        yield Block(text=text[start:], kind="paragraph")
