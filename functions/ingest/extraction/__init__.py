"""Bytes → blocks: the canonical text of a document, with its headings and pages.

One module reads each format and is imported only when a file needs it: together their parsers
would double the worker's cold start.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from functions.ingest.extraction.sniffing import Format, format_of
from quire.domain import Block
from quire.errors import Unreadable
from quire.visible import is_blank

# As much as the longest plain text. A table may say a long word once and refer to it a million
# times, so the size of a file does not bound its text.
_MOST_CHARACTERS = 100 * 2**20

_BLANK: dict[Format, str] = {
    "pdf": "This PDF holds pictures of pages but no text; run it through text recognition (OCR) "
    "and upload the result.",
    "html": "This page holds no text of its own, as scripts write it in the browser; save it as "
    "PDF there and upload that.",
    "pptx": "These slides hold pictures but no text; save them as PDF, run that through text "
    "recognition (OCR) and upload the result.",
}
_BLANK_FILE = "This file holds no text; upload it again with its content."


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
    form = format_of(content, filename=filename, content_type=content_type)
    title, blocks = _read(form, content, content_type)
    return Extraction(title=title, blocks=_checked(blocks, blank=_BLANK.get(form, _BLANK_FILE)))


def _read(
    form: Format, content: bytes, content_type: str | None
) -> tuple[str | None, Iterator[Block]]:
    match form:
        case "pdf":
            from functions.ingest.extraction import pdf

            return pdf.read(content)
        case "docx":
            from functions.ingest.extraction import docx

            return docx.read(content)
        case "pptx":
            from functions.ingest.extraction import pptx

            return pptx.read(content)
        case "xlsx":
            from functions.ingest.extraction import xlsx

            return xlsx.read(content)
        case "epub":
            from functions.ingest.extraction import epub

            return epub.read(content)
        case "html":
            from functions.ingest.extraction import html

            return html.read(content, content_type=content_type)
        case "markdown":
            from functions.ingest.extraction import markdown

            return markdown.read(content, content_type=content_type)
        case "rst":
            from functions.ingest.extraction import rst

            return rst.read(content, content_type=content_type)
        case "csv" | "tsv":
            from functions.ingest.extraction import delimited

            return None, delimited.read(content, content_type=content_type, tabs=form == "tsv")
        case "json" | "jsonl":
            from functions.ingest.extraction import jsontext

            return None, jsontext.read(content, content_type=content_type, lines=form == "jsonl")
        case "code":
            from functions.ingest.extraction import source

            return None, source.read(content, content_type=content_type)
        case "plain":
            from functions.ingest.extraction import plain

            return None, plain.read(content, content_type=content_type)


def _checked(blocks: Iterator[Block], *, blank: str) -> Iterator[Block]:
    unseen, length = True, 0
    for block in blocks:
        unseen = unseen and is_blank(block.text)
        length += len(block.text)
        if length > _MOST_CHARACTERS:
            raise Unreadable(
                "This file comes to over 100 million characters of text; split it and upload the "
                "parts."
            )
        yield block
    if unseen:
        raise Unreadable(blank)
