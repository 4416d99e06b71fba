"""Files made to hurt a reader, or hurt themselves, become a sentence and nothing worse."""

import struct
import tracemalloc
from contextlib import suppress
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest

from functions.ingest.extraction import extract
from functions.ingest.extraction.archive import Archive
from functions.ingest.extraction.xmlguard import Guard
from quire.errors import Unreadable
from tests.unit.ingest.extraction.zips import (
    RELATIONSHIPS,
    TYPES,
    excel,
    relations,
    rezipped,
    word,
    zipped,
)  # fmt: skip

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
MB = 2**20


def refusal_of(content: bytes, filename: str = "a.docx") -> str:
    with pytest.raises(Unreadable) as refusal:
        list(extract(content, filename=filename).blocks)
    assert refusal.value.message.endswith(".")
    return refusal.value.message


def bomb(size: int) -> bytes:
    """A document whose text is `size` bytes of zeros, which pack a thousandfold."""
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", relations(officeDocument="word/document.xml"))
        with archive.open("word/document.xml", "w", force_zip64=False) as part:
            part.write(b"<a>")
            for _ in range(size // MB):
                part.write(b"<b/>" * (MB // 4))
    return file.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_inflated() -> None:
    content = bomb(201 * MB)
    assert len(content) < MB
    tracemalloc.start()
    try:
        assert "unpacks to over 64 MB" in refusal_of(content)
        assert tracemalloc.get_traced_memory()[1] < 8 * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<w:p/>" * (5 * MB), "over 24 MB"),
        ("<w:p/>" * (MB // 8), None),
        ("<w:p/>" * (2 * MB), "too much markup"),
        ('<w:p w:a="" w:b="" w:c=""/>' * (MB // 2), "too much markup"),
        ("<w:p>" * 100_000, "endless nesting"),
    ],
    ids=["long", "blank", "elements", "attributes", "deep"],
)
def test_a_document_is_refused_before_a_tree_is_made_of_it(body: str, reason: str | None) -> None:
    assert (reason or "holds no text") in refusal_of(word(body))


def test_a_part_that_lies_about_its_size_is_no_more_than_it_said() -> None:
    content = zipped({"a": bytes(4 * MB)}).replace(struct.pack("<L", 4 * MB), struct.pack("<L", 9))
    length = 0
    pieces = Archive(content).pieces("a")
    with suppress(Unreadable):
        for piece in pieces:
            length += len(piece)
    assert length <= 9
    with pytest.raises(Unreadable, match="damaged"):
        list(Archive(content).pieces("a"))


def test_parts_are_counted_together() -> None:
    archive = Archive(zipped({"a": bytes(90 * MB)}))
    for _ in range(2):
        assert sum(map(len, archive.pieces("a"))) == 90 * MB
    with pytest.raises(Unreadable, match="200 MB"):
        list(archive.pieces("a"))


def test_packings_that_ask_for_gigabytes_are_refused() -> None:
    file = BytesIO()
    with ZipFile(file, "w", ZIP_LZMA) as archive:
        archive.writestr("a", "x")
    with pytest.raises(Unreadable, match="damaged"):
        list(Archive(file.getvalue()).pieces("a"))


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1/">%b;]><a/>',
        b"<a>" * 100_000,
        b"<a b='" + b"x" * (9 * MB),
    ],
    ids=["entities", "file", "network", "deep", "tag"],
)
def test_hostile_xml_is_refused(xml: bytes) -> None:
    pieces = (xml[at : at + 2**16] for at in range(0, len(xml), 2**16))
    with pytest.raises(Unreadable, match="save it anew"):
        list(Guard(most=10**6).passed(pieces))


def test_hostile_xml_is_refused_wherever_it_stands() -> None:
    entity = '<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'
    whole = word("<w:p/>", styles="", footnotes="")
    for part in ("_rels/.rels", "word/document.xml", "word/styles.xml", "word/footnotes.xml"):
        for xml in (entity, entity.encode("utf-16")):
            assert "entities" in refusal_of(rezipped(whole, {part: xml}))


def test_elements_are_counted_over_all_parts_but_for_those_forgotten() -> None:
    guard = Guard(most=100)
    rows = b"<a>" + b"<b><c/><c/></b>" * 40 + b"</a>"
    assert b"".join(guard.passed([rows], forgotten="b")) == rows
    with pytest.raises(Unreadable, match="too much markup"):
        list(guard.passed([rows]))


def test_an_external_dtd_is_not_fetched() -> None:
    xml = b'<!DOCTYPE a PUBLIC "-//A//B" "http://127.0.0.1:9/a.dtd"><a>b</a>'
    assert list(Guard(most=9).passed([xml])) == [xml]


def test_a_strict_document_is_named_as_such() -> None:
    strict = relations(officeDocument="word/document.xml").replace(
        RELATIONSHIPS, "http://purl.oclc.org/ooxml/officeDocument/relationships"
    )
    assert "strict" in refusal_of(rezipped(word("<w:p/>"), {"_rels/.rels": strict}))


def test_what_is_missing_and_not_read_is_not_missed() -> None:
    content = rezipped(
        word("<w:p><w:r><w:t>Hi</w:t></w:r></w:p>"),
        {"word/_rels/document.xml.rels": relations(image="NULL", styles="gone.xml")},
    )
    assert [block.text for block in extract(content, filename="a.docx").blocks] == ["Hi\n\n"]


@pytest.mark.parametrize(
    ("stream", "advice"),
    [
        ("EncryptedPackage", "remove its password"),
        ("WordDocument", "save it as DOCX"),
        ("Workbook", "save it as XLSX"),
        ("PowerPoint Document", "save it as PPTX"),
        ("", "save it as DOCX, PPTX or XLSX"),
    ],
)
def test_what_office_wraps_is_told_apart(stream: str, advice: str) -> None:
    assert advice in refusal_of(OLE + stream.encode("utf-16-le"))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"[Content_Types].xml": TYPES, "xl/workbook.bin": "x"}, "XLSB"),
        (
            {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "x"},
            "OpenDocument",
        ),
        ({"a.txt": "x"}, "a ZIP archive"),
        ({"[Content_Types].xml": TYPES, "word/styles.xml": "x"}, "damaged"),
        ({"META-INF/container.xml": "<container/>"}, "damaged"),
        ({"META-INF/container.xml": "<container>"}, "damaged"),
    ],
)
def test_other_zip_files_are_told_apart(parts: dict[str, str], reason: str) -> None:
    assert reason in refusal_of(zipped(parts))


@pytest.mark.parametrize("filename", ["a.docx", "a.pptx", "a.xlsx", "a.epub"])
def test_a_text_is_no_office_file(filename: str) -> None:
    assert "but is none" in refusal_of(b"Hi", filename)
    assert "empty" in refusal_of(b"", filename)


def test_the_content_goes_before_the_name() -> None:
    content = word("<w:p><w:r><w:t>Hi</w:t></w:r></w:p>")
    for filename in ("a.xlsx", "a.txt", "a.pdf", "a"):
        assert [block.text for block in extract(content, filename=filename).blocks] == ["Hi\n\n"]


@pytest.mark.parametrize(
    "whole",
    [
        word("<w:p><w:r><w:t>Hi</w:t></w:r></w:p>"),
        excel("<row><c><v>1</v></c></row>"),
    ],
    ids=["word", "excel"],
)
@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
def test_whatever_is_broken_is_unreadable_and_nothing_else(whole: bytes) -> None:
    for at in range(5, len(whole), 13):
        for broken in (whole[:at], whole[:at] + b"\xff\x00" + whole[at + 2 :]):
            with suppress(Unreadable):
                list(extract(broken, filename="a.docx").blocks)


@pytest.mark.parametrize("tag", [b"<p>x", b"<tr><td>", b"<b></b>"])
def test_a_page_of_nothing_but_tags_is_refused_before_a_tree_is_made(tag: bytes) -> None:
    with pytest.raises(Unreadable, match="500,000 tags"):
        extract(tag * 600_000, filename="page.html", content_type=None)


def test_markdown_without_end_is_refused() -> None:
    with pytest.raises(Unreadable, match="10 million characters"):
        extract(b"- a b\n" * 2_000_000, filename="list.md", content_type=None)
