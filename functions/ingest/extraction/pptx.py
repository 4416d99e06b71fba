"""PPTX → its slides: a slide is a page, its title a heading."""

from collections.abc import Iterable, Iterator
from itertools import chain

import pptx
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.opc.constants import CONTENT_TYPE as TYPE
from pptx.presentation import Presentation
from pptx.shapes.autoshape import Shape
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.slide import Slide
from pptx.text.text import _Paragraph

from functions.ingest.extraction.archive import damaged
from functions.ingest.extraction.office import Part, Room, or_damaged, slimmed, title, unwrap
from functions.ingest.extraction.outline import enter, path
from quire.domain import Block, BlockKind

_PARTS = {
    "officeDocument": Part(TYPE.PML_PRESENTATION_MAIN),
    "core-properties": Part(TYPE.OPC_CORE_PROPERTIES),
    "slide": Part(TYPE.PML_SLIDE),
    "notesSlide": Part(TYPE.PML_NOTES_SLIDE),
}
# What is held at once comes to 300 MB at most.
_ROOM = Room(in_all=64 * 2**20, markup=1_400_000)
_TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE}
# What is on every slide: "7", "1 May 2024", "Company confidential".
_FURNITURE = {
    PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER,
    PP_PLACEHOLDER.HEADER,
}  # fmt: skip
_BULLETED = {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT}


def read(content: bytes) -> tuple[str | None, Iterator[Block]]:
    """Return the title and the blocks; raise Unreadable, here or while reading."""
    file = slimmed(content, _PARTS, room=_ROOM)
    with or_damaged():
        presentation = pptx.Presentation(file)
        given = title(presentation.core_properties.title)
    blocks = _blocks(presentation)
    first = next(blocks, None)
    name = given or next(iter(first.heading if first else ()), None)
    return name, chain([first] if first else [], blocks)


def _blocks(presentation: Presentation) -> Iterator[Block]:
    seen: set[int] = set()
    with or_damaged():
        for number, slide in enumerate(presentation.slides, start=1):
            if id(slide.part) in seen:  # a few bytes may show one slide a million times
                raise damaged()
            seen.add(id(slide.part))
            yield from _slide(slide, number)


def _slide(slide: Slide, number: int) -> Iterator[Block]:
    unwrap(slide._element)
    shapes = [(_role(shape), shape) for shape in _leaves(slide.shapes)]
    words = [
        shape.text_frame.text
        for role, shape in shapes
        if role in _TITLES and isinstance(shape, Shape)
    ]
    outline = enter((), 1, " ".join(" ".join(words).split()))
    heading = path(outline)
    for name in heading:
        yield Block(text=f"{name}\n\n", kind="heading", heading=heading, page=number)
    for role, shape in shapes:
        if role not in _TITLES | _FURNITURE:
            for kind, text in _texts(shape, bulleted=role in _BULLETED):
                yield Block(text=f"{text}\n\n", kind=kind, heading=heading, page=number)
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    for text in map(_text, notes.paragraphs if notes else ()):
        if text:
            under = (*heading, "Notes")
            yield Block(text=f"{text}\n\n", kind="paragraph", heading=under, page=number)


def _leaves(shapes: Iterable[BaseShape]) -> Iterator[Shape | GraphicFrame]:
    """Yield the shapes that may hold text, whatever groups they are in."""
    for shape in shapes:
        if isinstance(shape, GroupShape):
            yield from _leaves(shape.shapes)
        elif isinstance(shape, Shape) or (isinstance(shape, GraphicFrame) and shape.has_table):
            yield shape


def _role(shape: BaseShape) -> PP_PLACEHOLDER | None:
    return shape.placeholder_format.type if shape.is_placeholder else None


def _texts(shape: Shape | GraphicFrame, *, bulleted: bool) -> Iterator[tuple[BlockKind, str]]:
    if isinstance(shape, GraphicFrame):
        rows = (
            " | ".join(" ".join(cell.text.split()) for cell in row.cells)
            for row in shape.table.rows
        )
        if table := "\n".join(row for row in rows if row.strip(" |")):
            yield "table", table
    else:
        for paragraph in shape.text_frame.paragraphs:
            plain = not bulleted or paragraph._p.xpath("a:pPr/a:buNone")
            if text := _text(paragraph):
                yield ("paragraph", text) if plain else ("list_item", f"- {text}")


def _text(paragraph: _Paragraph) -> str:
    return paragraph.text.replace("\v", "\n").strip()
