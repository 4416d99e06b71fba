"""A slide is a page, its title a heading, and its notes belong to it."""

from io import BytesIO
from zipfile import ZipFile

import pptx
import pytest
from pptx.presentation import Presentation
from pptx.util import Cm

from functions.ingest.extraction import extract
from quire.domain import Block
from quire.errors import Unreadable
from tests.unit.ingest.extraction.zips import rezipped

_TITLE_AND_CONTENT, _BLANK = 1, 6


@pytest.fixture
def show() -> Presentation:
    return pptx.Presentation()


def saved(show: Presentation) -> bytes:
    file = BytesIO()
    show.save(file)
    return file.getvalue()


def blocks_of(show: Presentation) -> list[Block]:
    return list(extract(saved(show), filename="a.pptx").blocks)


def test_slides_are_pages_in_the_order_shown(show: Presentation) -> None:
    first = show.slides.add_slide(show.slide_layouts[_TITLE_AND_CONTENT])
    first.placeholders[1].text = "lift\nhold"
    first.shapes.title.text = "Arms"
    first.notes_slide.notes_text_frame.text = "Slowly."
    second = show.slides.add_slide(show.slide_layouts[_BLANK])
    box = second.shapes.add_group_shape().shapes.add_textbox(0, 0, Cm(1), Cm(1))
    box.text_frame.text = "free\vfall"
    assert extract(saved(show), filename="a.pptx").title == "Arms"
    assert [(b.page, b.kind, b.heading, b.text.strip()) for b in blocks_of(show)] == [
        (1, "heading", ("Arms",), "Arms"),
        (1, "list_item", ("Arms",), "- lift"),
        (1, "list_item", ("Arms",), "- hold"),
        (1, "paragraph", ("Arms", "Notes"), "Slowly."),
        (2, "paragraph", (), "free\nfall"),
    ]


def test_a_table_is_a_line_a_row(show: Presentation) -> None:
    shapes = show.slides.add_slide(show.slide_layouts[_BLANK]).shapes
    table = shapes.add_table(2, 2, 0, 0, Cm(9), Cm(9)).table
    for cell, text in zip(table.iter_cells(), "abcd", strict=True):
        cell.text = text
    assert [(b.kind, b.text) for b in blocks_of(show)] == [("table", "a | b\nc | d\n\n")]


def test_the_title_its_author_gave_goes_first(show: Presentation) -> None:
    show.slides.add_slide(show.slide_layouts[_TITLE_AND_CONTENT]).shapes.title.text = "Arms"
    show.core_properties.title = "Robots"
    assert extract(saved(show), filename="a.pptx").title == "Robots"
    show.core_properties.title = "PowerPoint Presentation"
    assert extract(saved(show), filename="a.pptx").title == "Arms"


def test_text_that_programs_show_in_several_ways_is_read_once(show: Presentation) -> None:
    box = show.slides.add_slide(show.slide_layouts[_BLANK]).shapes.add_textbox(0, 0, 1, 1)
    box.text_frame.text = "once"
    with ZipFile(BytesIO(saved(show))) as file:
        slide = file.read("ppt/slides/slide1.xml").decode()
    start, end = slide.index("<p:sp>"), slide.index("</p:sp>") + len("</p:sp>")
    space = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    choices = "".join(f"<mc:{n}>{slide[start:end]}</mc:{n}>" for n in ("Choice", "Fallback"))
    several = f"<mc:AlternateContent {space}>{choices}</mc:AlternateContent>"
    content = rezipped(
        saved(show), {"ppt/slides/slide1.xml": slide[:start] + several + slide[end:]}
    )
    assert [b.text for b in extract(content, filename="a.pptx").blocks] == ["once\n\n"]


def test_a_slide_that_is_shown_again_and_again_is_refused(show: Presentation) -> None:
    show.slides.add_slide(show.slide_layouts[_TITLE_AND_CONTENT]).shapes.title.text = "Arms"
    slides = show.slides._sldIdLst
    for number in range(300, 310):
        again = slides._add_sldId(rId=slides.sldId_lst[0].rId)
        again.set("id", str(number))
    with pytest.raises(Unreadable, match="damaged"):
        blocks_of(show)
