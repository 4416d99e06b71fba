"""A page becomes what a reader sees of it, however it is written."""

import pytest

from functions.ingest.extraction import Extraction, extract
from quire.domain import Block
from quire.errors import Unreadable


def read(page: str) -> Extraction:
    return extract(page.encode(), filename="page.html", content_type="text/html")


def blocks_of(page: str) -> list[Block]:
    return list(read(page).blocks)


def shape_of(page: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text.removesuffix("\n\n")) for block in blocks_of(page)]


def test_every_kind_of_block() -> None:
    page = """<!DOCTYPE html><html><head><title>No text</title></head><body>
      <h1>Robots</h1> loose <i>words</i>
      <p>They <b>mo</b>ve,\n  and&nbsp;lift.<br>Twice.</p>
      <ul><li>arms<ul><li><p>hands</p></li></ul></li><li></li><li>legs</li></ul>
      <pre>\nx = 1\n\n  y = 2\n</pre>
      <table><caption>Sizes</caption><tr><th>part<th>cm<tr><td>arm <td>60<br>each</table>
      <dl><dt>robot<dd>a machine</dl></body></html>"""
    assert shape_of(page) == [
        ("heading", "Robots"),
        ("paragraph", "loose words"),
        ("paragraph", "They move, and lift.\nTwice."),
        ("list_item", "- arms"),
        ("list_item", "- hands"),
        ("list_item", "- legs"),
        ("code", "x = 1\n\n  y = 2"),
        ("table", "Sizes\npart | cm\narm | 60 each"),
        ("paragraph", "robot"),
        ("paragraph", "a machine"),
    ]


def test_headings_make_the_path() -> None:
    page = "<h1>Robots</h1>a<h3>Arms <a href='#'>¶</a></h3>b<h2><div>Le</div>gs</h2>c"
    assert [(block.text, block.heading) for block in blocks_of(page)] == [
        ("Robots\n\n", ("Robots",)),
        ("a\n\n", ("Robots",)),
        ("Arms\n\n", ("Robots", "Arms")),
        ("b\n\n", ("Robots", "Arms")),
        ("Le gs\n\n", ("Robots", "Le gs")),
        ("c\n\n", ("Robots", "Le gs")),
    ]


def test_two_breaks_part_paragraphs() -> None:
    assert shape_of("one<br>and<br><br>two <br /> <br> three") == [
        ("paragraph", "one\nand"),
        ("paragraph", "two"),
        ("paragraph", "three"),
    ]


def test_what_nobody_reads_is_skipped() -> None:
    page = """<nav>menu</nav><style>p{}</style><p>Hi<script>"</p>"</script></p><footer>(c)</footer>
      <template><p>later</p></template><noscript>turn it on</noscript><svg><title>icon</title></svg>
      <!-- <p>not</p> --><button>Go</button><p hidden>x</p>"""
    assert shape_of(page) == [("paragraph", "Hi"), ("paragraph", "x")]


def test_only_the_main_part_is_read() -> None:
    page = "<div>banner</div><main><h1>Robots</h1><p>move</p></main><div>related</div>"
    assert shape_of(page) == [("heading", "Robots"), ("paragraph", "move")]
    assert shape_of("<main></main><p>move") == [("paragraph", "move")]


def test_tables_that_lay_out_a_page_are_read_through() -> None:
    page = "<table><tr><td>menu<td><h1>Robots</h1><table><tr><td>a<td>b</table></table>"
    assert shape_of(page) == [("paragraph", "menu"), ("heading", "Robots"), ("table", "a | b")]


def test_the_title_is_the_pages_or_its_first_heading() -> None:
    assert read("<title> At\n Work </title><h1>Robots</h1>").title == "At Work"
    assert read("<svg><title>icon</title></svg><h1>Robots <b>now</b> ¶</h1>").title == "Robots now"
    assert read("<title>the <b> tag</title>x").title == "the <b> tag"
    assert read("<p>x").title is None


def test_xhtml_may_close_its_scripts_at_once() -> None:
    page = '<?xml version="1.0"?><html><head><script src="a"/><title/></head><body>Hi</body></html>'
    assert shape_of(page) == [("paragraph", "Hi")]


def test_the_encoding_is_the_pages_own() -> None:
    page = '<meta charset="iso-8859-2"><p>Łódź'.encode("iso-8859-2")
    assert [block.text for block in extract(page, filename="a.html").blocks] == ["Łódź\n\n"]


def test_attributes_hold_what_they_like() -> None:
    page = """<p title=it's>that's</p><p title="a > b" alt='<b>"'>it</p><p title='>open"""
    assert shape_of(page) == [("paragraph", "that's"), ("paragraph", "it")]


def test_nulls_by_reference_do_not_get_in() -> None:
    assert "\0" not in blocks_of("<p>a&#0;b&#x0;c")[0].text


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "deep",
        "<ul><li>" * 100_000 + "deep" + "</li></ul>" * 100_000,
        "<table><tr><td>" * 20_000 + "deep",
        "<b>" * 100_000 + "deep",
        "".join(f"<x{number}>" for number in range(50_000)) + "deep",
        "".join(f"<font a={number}>" for number in range(1_000)) + "<p>x" * 10_000 + "deep",
        "<div " + " ".join(f"a{number}" for number in range(50_000)) + ">deep",
        "<div " + " ".join(f"a{number}='<'" for number in range(50_000)) + ">deep",
        "<span>" * 50_000 + "</div>" * 50_000 + "deep",
    ],
    ids=["div", "ul", "table", "b", "unknown", "font", "attributes", "quoted", "unmatched"],
)
def test_no_page_is_too_deep_or_too_dear(page: str) -> None:
    """Untamed, each of these takes lexbor from seconds to minutes, or gigabytes."""
    assert "deep" in blocks_of(page)[-1].text


def test_what_nests_too_deep_keeps_its_text_and_order() -> None:
    page = "<div>a" * 2_000 + "</div>z" * 2_000 + "<p>after"
    text = "".join(block.text for block in blocks_of(page))
    assert "".join(text.split()) == "a" * 2_000 + "z" * 2_000 + "after"


@pytest.mark.parametrize("page", ["<script>" * 9, "<!--" * 9, "<svg>" * 9, "<html><body></body>"])
def test_a_page_without_text_is_unreadable(page: str) -> None:
    with pytest.raises(Unreadable, match="no text of its own"):
        blocks_of(page)
