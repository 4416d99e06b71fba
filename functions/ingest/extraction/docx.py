"""DOCX → its paragraphs, lists and tables, under the headings that its styles make."""

import re
from collections.abc import Iterator
from itertools import chain, islice

import docx
from docx.document import Document
from docx.opc.constants import CONTENT_TYPE as TYPE
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.table import Table

from functions.ingest.extraction.office import Part, Room, or_damaged, slimmed, title, unwrap
from functions.ingest.extraction.outline import Outline, enter, path
from functions.ingest.extraction.wordforms import TEXT_LEVEL, Forms
from quire.domain import Block, BlockKind

_PARTS = {
    "officeDocument": Part(TYPE.WML_DOCUMENT_MAIN),
    "core-properties": Part(TYPE.OPC_CORE_PROPERTIES),
    "styles": Part(TYPE.WML_STYLES),
    "numbering": Part(TYPE.WML_NUMBERING),
    "footnotes": Part(TYPE.WML_FOOTNOTES),
    "endnotes": Part(TYPE.WML_ENDNOTES),
}
# What is held at once comes to 300 MB at most.
_ROOM = Room(in_all=64 * 2**20, markup=1_400_000)
# Word writes tables of contents from the headings.
_CONTENTS = re.compile(r"toc \d|table of figures")
_SIGNS = {
    qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:tab"): " ", qn("w:ptab"): " ",
    qn("w:noBreakHyphen"): "-",
}  # fmt: skip
_NOTES = {qn("w:footnoteReference"): "footnotes", qn("w:endnoteReference"): "endnotes"}
_TEXT = (qn("w:t"), qn("m:t"), *_SIGNS, *_NOTES)
_PARAGRAPH, _BOX, _ID = qn("w:p"), qn("w:txbxContent"), qn("w:id")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
# A table longer than this goes on in another block.
_LONG = 20_000
_TITLE_WITHIN = 10


def read(content: bytes) -> tuple[str | None, Iterator[Block]]:
    """Return the title and the blocks; raise Unreadable, here or while reading."""
    file = slimmed(content, _PARTS, room=_ROOM)
    with or_damaged():
        document = docx.Document(file)
        given = title(document.core_properties.title)
    blocks = _Reader(document).blocks()
    first = list(islice(blocks, _TITLE_WITHIN))
    headings = (block.heading[0] for block in first if block.kind == "heading")
    return given or next(headings, None), chain(first, blocks)


class _Reader:
    def __init__(self, document: Document) -> None:
        with or_damaged():
            unwrap(document.element.body)
            _free_boxes(document.element.body)
            self._document = document
            self._forms = Forms(document.styles.element, _related(document, "numbering"))
            self._notes = {kind: _notes(_related(document, kind)) for kind in _NOTES.values()}
        self._marks = 0
        self._cited: list[str] = []

    def blocks(self) -> Iterator[Block]:
        outline: Outline = ()
        with or_damaged():
            for kind, level, text in self._texts():
                if level is not None:
                    outline = enter(outline, level, text)
                yield Block(text=f"{text}\n\n", kind=kind, heading=path(outline))
                for note in self._cited:
                    yield Block(text=f"{note}\n\n", kind="paragraph", heading=path(outline))
                self._cited.clear()

    def _texts(self) -> Iterator[tuple[BlockKind, int | None, str]]:
        """Yield kind, level of headings, and text."""
        for item in self._document.iter_inner_content():
            if isinstance(item, Table):
                yield from (("table", None, rows) for rows in self._tables(item))
                continue
            text = self._text(item._p)
            if not text or _CONTENTS.match((form := self._forms.of(item._p)).name):
                continue
            if form.level is not None and form.level < TEXT_LEVEL:
                yield "heading", form.level, text
            else:
                marker = self._forms.marker(form)
                yield ("list_item" if marker else "paragraph"), None, f"{marker}{text}"

    def _tables(self, table: Table) -> Iterator[str]:
        """Yield a line for every row, its cells parted by " | ", so many at once.

        Not row.cells: it repeats a cell for every column that it says to span.
        """
        rows: list[str] = []
        length = 0
        for row in table._tbl.tr_lst:
            texts = (map(self._text, cell.iter(_PARAGRAPH)) for cell in row.tc_lst)
            line = " | ".join(" ".join(" ".join(words).split()) for words in texts)
            if line.strip(" |"):
                rows.append(line)
                length += len(line)
            if length > _LONG:
                yield "\n".join(rows)
                rows, length = [], 0
        if rows:
            yield "\n".join(rows)

    def _text(self, paragraph: BaseOxmlElement) -> str:
        """Return what a paragraph says; its notes are left to follow it.

        Not Paragraph.text: it leaves out formulas, fields and the marks of notes.
        """
        words: list[str] = []
        for node in paragraph.iter(*_TEXT):
            if kind := _NOTES.get(node.tag):
                if note := self._notes[kind].get(node.get(_ID, "")):
                    self._marks += 1
                    mark = str(self._marks).translate(_RAISED)
                    words.append(mark)
                    self._cited.append(f"{mark} {note}")
            else:
                words.append(_SIGNS.get(node.tag) or node.text or "")
        return "".join(words).strip()


def _free_boxes(body: BaseOxmlElement) -> None:
    """Put what stands in a text box after the paragraph that anchors it."""
    for box in list(body.iter(_BOX)):
        if (anchor := next(box.iterancestors(_PARAGRAPH), None)) is not None:
            for element in reversed(list(box)):
                anchor.addnext(element)


def _notes(element: BaseOxmlElement | None) -> dict[str, str]:
    notes: dict[str, str] = {}
    if element is not None:
        unwrap(element)
        for note in element:
            texts = ("".join(p.itertext(_TEXT[0])) for p in note.iter(_PARAGRAPH))
            notes[note.get(_ID, "")] = " ".join(" ".join(texts).split())
    return notes


def _related(document: Document, kind: str) -> BaseOxmlElement | None:
    for relation in document.part.rels.values():
        if relation.reltype.endswith(f"/{kind}"):
            return parse_xml(relation.target_part.blob)
    return None
