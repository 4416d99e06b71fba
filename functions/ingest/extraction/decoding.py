"""Bytes → text, whatever the encoding, with \\n for every line end and no byte order mark."""

import codecs
import re

import chardet

from quire.errors import Unreadable

_LABEL = re.compile(r"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:+-]+)", re.I)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's, so it goes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The web means the wider sets by these labels: https://encoding.spec.whatwg.org/#names-and-labels
_MEANT = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# No encodings of documents (some take quadratic time), or such as have a byte order mark.
_NOT_MEANT = frozenset(
    "ascii punycode idna unicode_escape raw_unicode_escape undefined utf-7 "
    "utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be".split()
)
_SAMPLE = 65_536
# No text has C1 control characters; a wrong guess at an encoding often does.
_CONTROLS = re.compile(r"[\x80-\x84\x86-\x9f]")


def decode(content: bytes, *, declared: str | None) -> str:
    """Return the text of a file that is one.

    A byte order mark decides, then UTF-8 if it is that: hardly any other text happens to be. What
    is `declared` (any text that may hold a `charset=`: a content type, the head of a page) is
    wrong too often to go before it; last comes a guess. Raises Unreadable.
    """
    text = _decoded(content, _encoding_in(declared or ""))
    if "\x00" in text:
        raise Unreadable("This file is not text; upload it as PDF, HTML, Markdown or plain text.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding_in(declared: str) -> str | None:
    label = _LABEL.search(declared)
    try:
        name = codecs.lookup(label[1]).name if label else None
    except LookupError:
        return None
    return None if name in _NOT_MEANT else _MEANT.get(name or "", name)


def _decoded(content: bytes, declared: str | None) -> str:
    marked = next((name for bom, name in _BOMS if content.startswith(bom)), None)
    for encoding in (marked, "utf-8", declared):
        if encoding:
            try:
                return content.decode(encoding)
            except (UnicodeDecodeError, LookupError):  # LookupError: a codec of bytes to bytes
                continue
    return _mostly_utf8(content) or _guessed(content)


def _mostly_utf8(content: bytes) -> str | None:
    """A book in UTF-8 with a broken byte is still in UTF-8: a guess would spoil all the rest."""
    text = content.decode("utf-8-sig", "replace")
    broken = text.count("\ufffd")
    whole = len(re.findall(r"[^\x00-\x7f\ufffd]", text))
    return text if whole > 10 * broken else None


def _guessed(content: bytes) -> str:
    # What tells encodings apart begins with the first byte that is not ASCII.
    first = re.search(rb"[\x80-\xff]", content)
    around = max(0, first.start() - 1024) if first else 0
    encoding = chardet.detect(content[around : around + _SAMPLE])["encoding"]
    try:
        text = content.decode(encoding) if encoding else None
    except (UnicodeDecodeError, LookupError):
        text = None
    if text is not None and not _CONTROLS.search(text):
        return text
    raise Unreadable("The encoding of this text is unclear; save it as UTF-8 and upload it again.")
