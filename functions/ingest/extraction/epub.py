"""EPUB → its chapters, in the order a reader turns them."""

import posixpath
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from functions.ingest.extraction.archive import Archive, damaged
from functions.ingest.extraction.html import blocks_of, parsed
from functions.ingest.extraction.outline import Outline
from functions.ingest.extraction.xmlguard import Guard
from quire.domain import Block
from quire.errors import Unreadable

_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_HEADINGS = "h1, h2, h3, h4, h5, h6"
# A chapter is parsed into a tree, of some 300 bytes an element.
_MOST_TAGS = 500_000
# Of the tables of contents, and of what a book is made of.
_MOST_MARKUP = 200_000
# Below all headings of HTML: any of the next chapter's ends it.
_LOWEST = 7


@dataclass(slots=True)
class _Book:
    title: str | None = None
    pages: list[str] = field(default_factory=list)
    contents: str | None = None
    chapters: dict[str, str] = field(default_factory=dict)


def read(content: bytes) -> tuple[str | None, Iterator[Block]]:
    """Return the title and the blocks; raise Unreadable, here or while reading."""
    archive = Archive(content)
    book = _book(archive)
    locked = _locked(archive)
    if any(page in locked for page in book.pages):
        raise Unreadable("This book is copy-protected (DRM); upload one that is not.")
    return book.title, _blocks(archive, book)


def _blocks(archive: Archive, book: _Book) -> Iterator[Block]:
    outline: Outline = ()
    for page in book.pages:
        content = archive.read(page)
        if content.count(b"<") > _MOST_TAGS:
            raise Unreadable(
                "A chapter of this book has too much markup; split it and upload the book again."
            )
        tree = parsed(content, content_type=None)
        # A page without a heading goes on with the chapter before, or is one by the contents.
        if page in book.chapters and tree.css_first(_HEADINGS) is None:
            outline = ((_LOWEST, book.chapters[page]),)
        if tree.root:
            outline = yield from blocks_of(tree.root, outline)


def _book(archive: Archive) -> _Book:
    package = _package(archive)
    root = _xml(archive, package)
    book = _Book(title=" ".join(root.findtext(".//{*}title", "").split()) or None)
    items: dict[str, tuple[str, str]] = {}
    for item in root.iterfind(".//{*}item"):
        path = _path(package, item.get("href", ""))
        items[item.get("id", "")] = path, item.get("media-type", "")
        if "nav" in item.get("properties", "").split():
            book.contents = path
    for spine in root.iterfind(".//{*}spine"):
        book.contents = book.contents or items.get(spine.get("toc", ""), (None, ""))[0]
    names = (reference.get("idref", "") for reference in root.iterfind(".//{*}itemref"))
    pages = (items[name] for name in names if name in items)
    book.pages = [
        path for path, kind in pages if kind in _PAGES and path in archive and path != book.contents
    ]
    if book.contents and book.contents in archive:
        book.chapters = _chapters(archive, book.contents)
    return book


def _package(archive: Archive) -> str:
    """Return which part says what the book is made of."""
    for file in _xml(archive, "META-INF/container.xml").iterfind(".//{*}rootfile"):
        if "full-path" in file.attrib:
            return _path("", file.attrib["full-path"])
    raise damaged()


def _chapters(archive: Archive, contents: str) -> dict[str, str]:
    """Return the pages that the table of contents points to, and what it calls them first."""
    found: dict[str, str] = {}
    with suppress(Unreadable):  # a book can be read without it
        root = _xml(archive, contents)
        links = [(link, link.get("href", "")) for link in root.iterfind(".//{*}a")]
        for point in root.iterfind(".//{*}navPoint"):  # in books before EPUB 3
            label, content = point.find("{*}navLabel"), point.find("{*}content")
            if label is not None and content is not None:
                links.append((label, content.get("src", "")))
        for label, href in links:
            title = " ".join("".join(label.itertext()).split())[:200]
            if href and title:
                found.setdefault(_path(contents, href), title)
    return found


def _locked(archive: Archive) -> set[str]:
    """Return the parts that are encrypted: fonts often, in a protected book the text."""
    if "META-INF/encryption.xml" not in archive:
        return set()
    references = _xml(archive, "META-INF/encryption.xml").iterfind(".//{*}CipherReference")
    return {_path("", reference.get("URI", "")) for reference in references}


def _xml(archive: Archive, part: str) -> Element:
    content = b"".join(Guard(most=_MOST_MARKUP).passed([archive.read(part)]))
    try:
        root: Element = fromstring(content)
    except (ParseError, DefusedXmlException):
        raise damaged() from None
    return root


def _path(part: str, href: str) -> str:
    """Return the part that a link in another one points to, without the place in it."""
    file = unquote(href.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(part), file))
