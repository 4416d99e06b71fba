"""What a file is, whatever its name says, and what is said about one that is not read."""

from collections.abc import Callable

import pytest

from functions.ingest.extraction import extract
from quire.errors import Unreadable

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def text_of(content: bytes, filename: str, content_type: str | None = None) -> str:
    extraction = extract(content, filename=filename, content_type=content_type)
    return "".join(block.text for block in extraction.blocks)


def refusal_of(content: bytes, filename: str, content_type: str | None = None) -> str:
    with pytest.raises(Unreadable) as refusal:
        text_of(content, filename, content_type)
    return refusal.value.message


@pytest.mark.parametrize(
    ("filename", "content_type", "text"),
    [
        ("a.md", None, "# *Hi*\n\n<b>there</b>"),
        ("a.MARKDOWN", "application/octet-stream", "# *Hi*\n\n<b>there</b>"),
        ("a.txt", "text/html", "# *Hi*\n\n<b>there</b>"),
        ("a.html", "text/plain", "# *Hi* there\n\n"),
        ("a", "text/html; charset=utf-8", "# *Hi* there\n\n"),
        ("a.unheard-of", "text/markdown", "# *Hi*\n\n<b>there</b>"),
        ("README", None, "# *Hi*\n\n<b>there</b>"),
        ("folder/v1.2/notes", "binary/octet-stream", "# *Hi*\n\n<b>there</b>"),
    ],
)
def test_the_name_goes_before_the_content_type(
    filename: str, content_type: str | None, text: str
) -> None:
    assert text_of(b"# *Hi*\n\n<b>there</b>", filename, content_type) == text


def test_a_nameless_page_is_html() -> None:
    assert text_of(b"\xef\xbb\xbf\n<!DOCTYPE html><p>Hi", "index") == "Hi\n\n"


@pytest.mark.parametrize("filename", ["a.pdf", "a.md", "a.html", "a"])
def test_a_pdf_is_a_pdf_by_any_name(filename: str, make_pdf: Callable[..., bytes]) -> None:
    assert text_of(make_pdf([(72, 700, 10, "Hi")]), filename) == "Hi\n\n"
    assert text_of(b"\r\n" + make_pdf([(72, 700, 10, "Hi")]), filename) == "Hi\n\n"


def test_a_text_about_pdf_is_text() -> None:
    assert text_of(b"A PDF begins with %PDF-1.4.", "a.md") == "A PDF begins with %PDF-1.4."


@pytest.mark.parametrize(
    ("content", "filename", "content_type", "reason"),
    [
        (b"", "a.md", None, "empty"),
        (b"", "a.pdf", None, "empty"),
        (b" \n\t\n", "a.md", None, "no text"),
        (b"\xef\xbb\xbf", "a.txt", None, "no text"),
        (b"<script>write()</script>", "a.html", None, "scripts"),
        (PNG, "a.md", "text/markdown", "a PNG image"),
        (PNG, "a.pdf", None, "a PNG image"),
        (b"PK\x03\x04what.ever", "a.md", None, "damaged"),
        (b"{\\rtf1 Hi}", "a.txt", None, "rich text"),
        (b"Hi\x00there", "a.md", None, "a binary file"),
        (b"H\x00i\x00", "a.txt", None, "a binary file"),
        (b"<html>Not found</html>", "a.pdf", None, "called a PDF"),
        (b"Hi", "a", "application/pdf", "called a PDF"),
        (b"{}", "a.json", None, "no text"),
        (b"{}", "a.xml", None, "does not read this type"),
        (b"{}", "a", "application/xml", "does not read this type"),
        (bytes(range(128, 256)) * 9, "a.txt", None, "encoding"),
    ],
)
def test_what_is_not_read_is_said_why(
    content: bytes, filename: str, content_type: str | None, reason: str
) -> None:
    message = refusal_of(content, filename, content_type)
    assert reason in message
    assert message.endswith(".")
    assert any(advice in message for advice in ("upload", "save it"))


def test_a_tag_soup_is_read_as_far_as_it_goes() -> None:
    assert text_of(b"<p>Hi<b><i>there</b></p></div>", "a.html") == "Hithere\n\n"
