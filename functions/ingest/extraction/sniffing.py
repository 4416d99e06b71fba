"""What a file is: by its first bytes, then its name, then what its sender called it."""

from pathlib import PurePosixPath
from typing import Literal

from quire.errors import Unreadable

Format = Literal[
    "pdf", "docx", "pptx", "xlsx", "epub", "html", "markdown", "rst", "csv", "tsv", "json",
    "jsonl", "code", "plain",
]  # fmt: skip

_READABLE = (
    "PDF, Word (DOCX), PowerPoint (PPTX), Excel (XLSX), EPUB, HTML, Markdown, reStructuredText, "
    "CSV, TSV, JSON, JSON Lines, source code or plain text"
)

_SUFFIXES: dict[str, Format] = {
    ".pdf": "pdf",
    **dict.fromkeys((".docx", ".docm", ".dotx"), "docx"),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".potx"), "pptx"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx"), "xlsx"),
    ".epub": "epub",
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".md", ".markdown", ".mdx"), "markdown"),
    **dict.fromkeys((".rst", ".rest"), "rst"),
    ".csv": "csv",
    **dict.fromkeys((".tsv", ".tab"), "tsv"),
    ".json": "json",
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".txt", ".text", ".adoc", ".org", ".log"), "plain"),
    **dict.fromkeys(
        ".py .pyi .js .mjs .cjs .jsx .ts .tsx .vue .java .kt .kts .scala .groovy .go .rs .c .h .cc "
        ".cpp .cxx .hh .hpp .m .mm .cs .fs .vb .swift .rb .php .pl .pm .lua .r .jl .dart .ex .exs "
        ".erl .hs .ml .clj .lisp .el .sh .bash .zsh .ps1 .bat .sql .proto .graphql .tf .css .scss "
        ".less .toml .yaml .yml .ini .cfg .cmake .gradle .asm .s .zig .nim .sol .v .vhd .tcl .f90 "
        ".pas .tex .bib".split(),
        "code",
    ),
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_CONTENT_TYPES: dict[str, Format] = {
    "application/pdf": "pdf",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
    "application/epub+zip": "epub",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/x-rst": "rst",
    "text/prs.fallenstein.rst": "rst",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "text/x-python": "code",
    "text/javascript": "code",
    "application/javascript": "code",
    "text/plain": "plain",
}
# Formats that their first bytes tell: what a file claims to be must not mislead a reader.
_CALLED: dict[Format, str] = {
    "pdf": "a PDF",
    "docx": "a Word document (DOCX)",
    "pptx": "a PowerPoint presentation (PPTX)",
    "xlsx": "an Excel workbook (XLSX)",
    "epub": "an EPUB book",
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
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh91AY&SY", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"(\xb5\x2f\xfd", "a Zstandard archive"),
    (b"{\\rtf", "a rich text (RTF) document"),
    (b"%!PS", "a PostScript document"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"\x7fELF", "a program"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# A folder of the ZIP file → what that makes it.
_ZIPPED: dict[str, Format] = {"word": "docx", "ppt": "pptx", "xl": "xlsx"}
# Microsoft's format before that, which also wraps what a password encrypts. It names its streams.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS: tuple[tuple[str, str], ...] = (
    (
        "EncryptedPackage",
        "This file is encrypted; remove its password in Office and upload it again.",
    ),
    ("WordDocument", "This is an old Word document; save it as DOCX and upload that."),
    (
        "PowerPoint Document",
        "This is an old PowerPoint presentation; save it as PPTX and upload that.",
    ),
    ("Workbook", "This is an old Excel workbook; save it as XLSX and upload that."),
    ("Book", "This is an old Excel workbook; save it as XLSX and upload that."),
    ("", "This is an old Office file; save it as DOCX, PPTX or XLSX and upload that."),
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
    if content.startswith(_ZIP):
        return _zipped(content)
    if content.startswith(_OLE):
        streams = ((name.encode("utf-16-le"), advice) for name, advice in _OLE_STREAMS)
        raise Unreadable(next(advice for name, advice in streams if name in content))
    if seems := _binary_kind(content):
        raise Unreadable(f"This file seems to be {seems}; upload it as {_READABLE}.")
    if claimed in _CALLED:
        raise Unreadable(
            f"This file is called {_CALLED[claimed]} but is none; save it as that and upload it "
            "again."
        )
    if claimed:
        return claimed
    if suffix or media_type not in _UNKNOWN_TYPES:
        raise Unreadable(f"Quire does not read this type of file; upload it as {_READABLE}.")
    return "html" if beginning[:14].lower().startswith((b"<!doctype html", b"<html")) else "plain"


def _zipped(content: bytes) -> Format:
    from functions.ingest.extraction.archive import Archive

    archive = Archive(content)
    if "META-INF/container.xml" in archive:
        return "epub"
    if "[Content_Types].xml" in archive:
        for folder, form in _ZIPPED.items():
            if archive.has_folder(folder):
                if "xl/workbook.bin" in archive:
                    break
                return form
    seems = "an OpenDocument file" if "content.xml" in archive else "a ZIP archive"
    seems = "a binary Excel workbook (XLSB)" if "xl/workbook.bin" in archive else seems
    raise Unreadable(f"This file seems to be {seems}; upload what it holds as {_READABLE}.")


def _binary_kind(content: bytes) -> str | None:
    """Return what a file that is no text seems to be."""
    for signature, name in _SIGNATURES:
        if content.startswith(signature):
            return name
    if b"\x00" in content and not content.startswith(_WIDE_BOMS):
        return "a binary file"
    return None
