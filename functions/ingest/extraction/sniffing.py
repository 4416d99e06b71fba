"""What a file is: by its first bytes, then its name, then what its sender called it."""

from pathlib import PurePosixPath
from typing import Literal

from quire.errors import Unreadable

Format = Literal["pdf", "html", "markdown", "plain"]

_READABLE = "PDF, HTML, Markdown or plain text"

_SUFFIXES: dict[str, Format] = {
    ".pdf": "pdf",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdx": "markdown",
    ".txt": "plain",
    ".text": "plain",
    ".rst": "plain",
    ".adoc": "plain",
    ".org": "plain",
    ".log": "plain",
}
_CONTENT_TYPES: dict[str, Format] = {
    "application/pdf": "pdf",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "plain",
}
# What S3 and browsers say when they do not know.
_UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"RIFF", "a picture, sound or film"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh91AY&SY", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"(\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word, Excel or PowerPoint document"),
    (b"{\\rtf", "a rich text (RTF) document"),
    (b"%!PS", "a PostScript document"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"\x7fELF", "a program"),
)
_ZIPPED: tuple[tuple[bytes, str], ...] = (
    (b"word/", "a Word document"),
    (b"xl/", "an Excel workbook"),
    (b"ppt/", "a PowerPoint presentation"),
    (b"application/epub+zip", "an EPUB book"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
)
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def format_of(content: bytes, *, filename: str, content_type: str | None) -> Format:
    """Return the format to read a file as; raise Unreadable where there is none."""
    if not content:
        raise Unreadable("This file is empty; upload it again with its content.")
    suffix = PurePosixPath(filename).suffix.lower()
    media_type = (content_type or "").partition(";")[0].strip().lower()
    claimed = _SUFFIXES.get(suffix) or _CONTENT_TYPES.get(media_type)
    beginning = content[:1024].lstrip(b"\xef\xbb\xbf\t\n\r\f ")

    # Readers of PDF, PDFium too, allow for rubbish before the header.
    if beginning.startswith(b"%PDF-") or (claimed == "pdf" and b"%PDF-" in content[:1024]):
        return "pdf"
    if seems := _binary_kind(content):
        raise Unreadable(f"This file seems to be {seems}; upload it as {_READABLE}.")
    if claimed == "pdf":
        raise Unreadable("This file is called a PDF but is none; save it as PDF and upload that.")
    if claimed:
        return claimed
    if suffix or media_type not in _UNKNOWN_TYPES:
        raise Unreadable(f"Quire does not read this type of file; upload it as {_READABLE}.")
    return "html" if beginning[:14].lower().startswith((b"<!doctype html", b"<html")) else "plain"


def _binary_kind(content: bytes) -> str | None:
    """Return what a file that is no text seems to be."""
    if content.startswith(b"PK\x03\x04"):
        return next((name for mark, name in _ZIPPED if mark in content), "a ZIP archive")
    for signature, name in _SIGNATURES:
        if content.startswith(signature):
            return name
    if b"\x00" in content and not content.startswith(_WIDE_BOMS):
        return "a binary file"
    return None
