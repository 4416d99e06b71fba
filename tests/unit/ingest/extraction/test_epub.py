"""A book's chapters come in the order of its spine, under their own headings."""

import pytest

from functions.ingest.extraction import extract
from quire.errors import Unreadable
from tests.unit.ingest.extraction.zips import zipped

CONTAINER = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
NCX = """<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://example.org/ncx.dtd"><ncx><navMap>
    <navPoint><navLabel><text>Rights</text></navLabel><content src="b%20c.xhtml#top"/></navPoint>
    </navMap></ncx>"""


def book(*pages: str, **more: str) -> bytes:
    names = ["a.xhtml", "b%20c.xhtml", "d.xhtml"][: len(pages)]
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(names)))
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER,
            "OEBPS/book.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<metadata><dc:title>Robots at Work</dc:title></metadata><manifest>{items}"
            '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
            f'<spine toc="ncx">{spine}</spine></package>',
            "OEBPS/toc.ncx": NCX,
            **{
                f"OEBPS/{name.replace('%20', ' ')}": f"<html><body>{page}</body></html>"
                for name, page in zip(names, pages, strict=True)
            },
            **{f"META-INF/{name}.xml": xml for name, xml in more.items()},
        }
    )


def test_chapters_stand_under_what_is_above_them() -> None:
    content = book("<h1>Part</h1><h2>Arms</h2>lift", "(c) us", "<h2>Legs</h2>walk")
    extraction = extract(content, filename="a.epub")
    assert extraction.title == "Robots at Work"
    assert [(b.text.strip(), b.heading) for b in extraction.blocks] == [
        ("Part", ("Part",)),
        ("Arms", ("Part", "Arms")),
        ("lift", ("Part", "Arms")),
        ("(c) us", ("Rights",)),
        ("Legs", ("Legs",)),
        ("walk", ("Legs",)),
    ]


def test_a_protected_book_is_named_as_such() -> None:
    locked = '<encryption><CipherReference URI="OEBPS/a.xhtml"/></encryption>'
    with pytest.raises(Unreadable, match="DRM"):
        extract(book("x", encryption=locked), filename="a.epub")
    fonts = '<encryption><CipherReference URI="OEBPS/font.otf"/></encryption>'
    assert list(extract(book("x", encryption=fonts), filename="a.epub").blocks)


def test_a_chapter_of_nothing_but_tags_is_refused() -> None:
    with pytest.raises(Unreadable, match="too much markup"):
        list(extract(book("<p>" * 600_000), filename="a.epub").blocks)
