"""A Word document's styles make its headings, lists and tables."""

from functions.ingest.extraction import extract
from quire.domain import Block
from tests.unit.ingest.extraction.zips import word

STYLES = """<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
    <w:style w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="berschrift1"/>
      <w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>
    <w:style w:styleId="Toc1"><w:name w:val="toc 1"/></w:style>"""
NUMBERING = """<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0">
      <w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>
    <w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num>"""


def p(text: str, *, style: str = "", form: str = "") -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{form}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def item(text: str, number: int) -> str:
    return p(text, form=f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>')


def blocks_of(body: str, **parts: str) -> list[Block]:
    return list(extract(word(body, **parts), filename="a.docx").blocks)


def shape_of(body: str, **parts: str) -> list[tuple[str, str]]:
    return [(b.kind, b.text.removesuffix("\n\n")) for b in blocks_of(body, **parts)]


def test_styles_make_headings_whatever_their_ids() -> None:
    body = p("Robots", style="berschrift1") + p("Arms", style="Own") + p("They lift.")
    assert [(b.kind, b.heading) for b in blocks_of(body, styles=STYLES)] == [
        ("heading", ("Robots",)),
        ("heading", ("Robots", "Arms")),
        ("paragraph", ("Robots", "Arms")),
    ]
    assert extract(word(body, styles=STYLES), filename="a.docx").title == "Robots"


def test_lists_keep_their_numbers() -> None:
    body = item("one", 3) + item("two", 3) + item("dot", 9) + item("none", 0)
    assert shape_of(body, numbering=NUMBERING) == [
        ("list_item", "1. one"),
        ("list_item", "2. two"),
        ("list_item", "- dot"),
        ("paragraph", "none"),
    ]


def test_a_table_is_a_line_a_row() -> None:
    inner = f"<w:tbl><w:tr><w:tc>{p('60')}</w:tc></w:tr></w:tbl>"
    rows = (
        f"<w:tr><w:tc>{p(a)}</w:tc><w:tc>{b}</w:tc></w:tr>"
        for a, b in [("part", p("cm")), ("arm", inner + p("each")), ("", p(""))]
    )
    assert shape_of(f"<w:tbl>{''.join(rows)}</w:tbl>") == [("table", "part | cm\narm | 60 each")]


def test_what_word_shows_and_no_more() -> None:
    body = (
        "<w:p><w:r><w:t>A</w:t><w:tab/><w:t>B</w:t><w:br/><w:t>C</w:t></w:r>"
        "<w:del><w:r><w:t>gone</w:t></w:r></w:del><w:ins><w:r><w:t> new</w:t></w:r></w:ins>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>" + p("Robots 7", style="Toc1")
    )
    assert shape_of(body, styles=STYLES) == [("paragraph", "A B\nC new")]


def test_a_footnote_follows_its_paragraph() -> None:
    body = '<w:p><w:r><w:t>Said</w:t><w:footnoteReference w:id="2"/></w:r></w:p>' + p("Next")
    notes = f'<w:footnote w:id="2">{p("By Ada.")}</w:footnote>'
    texts = [text for _, text in shape_of(body, footnotes=notes)]
    assert texts == ["Said¹", "¹ By Ada.", "Next"]


def test_a_long_table_is_not_held_whole() -> None:
    row = f"<w:tr><w:tc>{p('word ' * 100)}</w:tc></w:tr>"
    assert len(blocks_of(f"<w:tbl>{row * 200}</w:tbl>")) > 3
