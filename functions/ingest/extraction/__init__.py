"""Bytes → blocks: the canonical text of a document, with its headings and pages.

One module reads each format and is imported only when a file needs it: together their parsers
would double the worker's cold start.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from functions.ingest.extraction.sniffing import format_of
from quire.domain import Block
from quire.errors import Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What a document says.

    Its canonical text is `"".join(block.text for block in blocks)`; `blocks` can be read once.
    """

    title: str | None
    blocks: Iterator[Block]


def extract(content: bytes, *, filename: str, content_type: str | None = None) -> Extraction:
    """Read a file of any format Quire knows.

    `blocks` is a stream: a PDF is read page by page. Raises Unreadable, here or while the blocks
    are read, with a sentence that tells the file's owner what to do.
    """
    match format_of(content, filename=filename, content_type=content_type):
        case "pdf":
            from functions.ingest.extraction import pdf

            title, blocks = pdf.read(content)
            blank = (
                "This PDF holds pictures of pages but no text; run it through text recognition "
                "(OCR) and upload the result."
            )
        case "html":
            from functions.ingest.extraction import html

            title, blocks = html.read(content, content_type=content_type)
            blank = (
                "This page holds no text of its own, as scripts write it in the browser; save it "
                "as PDF there and upload that."
            )
        case "markdown":
            from functions.ingest.extraction import markdown

            title, blocks = markdown.read(content, content_type=content_type)
            blank = "This file holds no text; upload it again with its content."
        case "plain":
            from functions.ingest.extraction import plain

            title, blocks = None, plain.read(content, content_type=content_type)
            blank = "This file holds no text; upload it again with its content."
    return Extraction(title=title, blocks=_not_blank(blocks, or_else=blank))


def _not_blank(blocks: Iterator[Block], *, or_else: str) -> Iterator[Block]:
    blank = True
    for block in blocks:
        blank = blank and not block.text.strip()
        yield block
    if blank:
        raise Unreadable(or_else)
