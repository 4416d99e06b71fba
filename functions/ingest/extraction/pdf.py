"""PDF → its paragraphs, page by page.

A PDF knows glyphs and where they stand, not paragraphs. PDFium puts the glyphs of a page in lines;
how the lines lie tells which belong together.
"""

import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing
from ctypes import c_ushort
from itertools import pairwise
from statistics import median
from threading import RLock
from typing import NamedTuple

import pypdfium2 as pdfium  # type: ignore[import-untyped]

from functions.ingest.extraction.outline import Outline, enter, path
from quire.domain import Block, BlockKind
from quire.errors import Unreadable

# PDFium serves one thread at a time; re-entered where a forgotten document is closed:
# https://pypdfium2.readthedocs.io/en/stable/python_api.html#incompatibility-with-threading
_PDFIUM = RLock()

# PDFium's sign for a hyphen that ends a line, instead of the line end; and for unknown characters.
_HYPHEN = "\ufffe"
_LINES = re.compile(rf"(?<=\n)|(?<=\w{_HYPHEN})(?=\w)")
# A word goes on with a small letter; "T-shirt" and "well-Tempered" keep their hyphens.
_HYPHENATED = re.compile(rf"(?<=\w\w){_HYPHEN}(?=(\w))|(?<=\w){_HYPHEN}(?=\w)")
_CLEAN = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\xad": None}
    | dict.fromkeys(map(chr, [*range(9), *range(11, 32), 127, ord(_HYPHEN)]))
)
_PARAGRAPH_END = "\n\n"
# What is set larger than most of the text, and is no sentence and no line of a table of contents.
_HEADING = re.compile(r"(?=.*\w\w)(?!.*\. ?\.).{1,120}[^.,:;]", re.DOTALL)
_BULLET = re.compile(r"(?:[•◦▪‣●○■–—*-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
_SENTENCE_END = re.compile(r"[.!?:;。！？][\"'”’»)\]]*$")
_IDEOGRAPH = re.compile(r"[\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef]")
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
# Titles that a tool wrote and no author: "Microsoft Word - draft.doc", "untitled".
_NO_TITLE = re.compile(
    r"Microsoft \w+ - |(?:untitled|document)\W*\d*$|.*\.(?:docx?|indd|tex|dvi)$", re.IGNORECASE
)


class _Line(NamedTuple):
    """A line of a page and where it stands, in points from the page's lower left corner."""

    text: str
    left: float
    right: float
    bottom: float
    height: float

    @property
    def size(self) -> int:
        """Half points: fine enough to tell headings, coarse enough to count."""
        return round(2 * self.height)


def _title(document: pdfium.PdfDocument) -> str:
    try:
        return str(document.get_metadata_value("Title")).translate(_CLEAN).strip()
    except UnicodeDecodeError:  # lone surrogates; the text is none the worse for them
        return ""


def read(content: bytes) -> tuple[str | None, Iterator[Block]]:
    """Return the title its author gave, and the blocks; raise Unreadable, here or while reading."""
    with _PDFIUM:
        try:
            document = pdfium.PdfDocument(content)
            title = _title(document)
        except pdfium.PdfiumError:
            # PDFium's error code may be an earlier document's: the file itself is asked.
            if b"/Encrypt" in content:
                reason = "This PDF is encrypted; remove its password and upload it again."
            else:
                reason = "This PDF is damaged; save it as PDF once more and upload that."
            raise Unreadable(reason) from None
    return (None if _NO_TITLE.match(title) else title or None), _blocks(document)


def _blocks(document: pdfium.PdfDocument) -> Iterator[Block]:
    edges: deque[set[str]] = deque(maxlen=2)
    sizes: Counter[int] = Counter()
    outline: Outline = ()
    try:
        for index in range(len(document)):
            lines = _without_running_heads(_lines(document, index), edges)
            for line in lines:
                sizes[line.size] += len(line.text)
            for text, size in _paragraphs(lines):
                kind: BlockKind = "paragraph"
                if size > sizes.most_common(1)[0][0] + 2 and _HEADING.fullmatch(text):
                    # Within a level sizes differ a little, as their glyphs do.
                    level = next((level for level, _ in outline if abs(level + size) <= 1), -size)
                    kind, outline = "heading", enter(outline, level, text)
                yield Block(text=f"{text}\n\n", kind=kind, heading=path(outline), page=index + 1)
    finally:
        with _PDFIUM:
            document.close()


def _lines(document: pdfium.PdfDocument, index: int) -> list[_Line]:
    try:
        with (
            _PDFIUM,
            closing(document[index]) as page,
            closing(page.get_textpage()) as glyphs,
        ):
            return list(_placed(glyphs))
    except pdfium.PdfiumError:
        raise Unreadable(
            f"Page {index + 1} of this PDF is damaged; save it as PDF once more and upload that."
        ) from None


def _placed(glyphs: pdfium.PdfTextPage) -> Iterator[_Line]:
    start = 0
    for text in _LINES.split(_text(glyphs)):
        if shown := text.strip():
            first = start + _units(text) - _units(text.lstrip())
            left, low, _, high = _box(glyphs, first)
            _, bottom, right, top = _box(glyphs, first + _units(shown) - 1)
            # The smaller of the two may be a bullet or the number of a footnote.
            height = max(high - low, top - bottom)
            yield _Line(shown, left=left, right=right, bottom=min(low, bottom), height=height)
        start += _units(text)


def _text(glyphs: pdfium.PdfTextPage) -> str:
    # Not get_text_range(): it recurses at every control character that a page begins with.
    count = glyphs.count_chars()
    buffer = (c_ushort * (count + 1))()
    pdfium.raw.FPDFText_GetText(glyphs, 0, count, buffer)
    return bytes(buffer).decode("utf-16-le", "ignore").rstrip("\0")


def _box(glyphs: pdfium.PdfTextPage, at: int) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of a character in the text, which skips some glyphs."""
    glyph = pdfium.raw.FPDFText_GetCharIndexFromTextIndex(glyphs, at)
    left, bottom, right, top = glyphs.get_charbox(glyph, loose=True)
    return left, bottom, right, top


def _units(text: str) -> int:
    """PDFium counts characters as UTF-16 does."""
    return len(text.encode("utf-16-le")) // 2


def _without_running_heads(lines: list[_Line], edges: deque[set[str]]) -> list[_Line]:
    """Drop page numbers, and a first or last line that one of the two pages before had too."""
    running = {"#"}.union(*edges)
    edges.append({_NUMBER.sub("#", line.text) for line in lines[:1] + lines[-1:]})
    if lines and _NUMBER.sub("#", lines[0].text) in running:
        lines = lines[1:]
    if lines and _NUMBER.sub("#", lines[-1].text) in running:
        lines = lines[:-1]
    return lines


def _paragraphs(lines: list[_Line]) -> Iterator[tuple[str, int]]:
    """Yield the text of each paragraph and its size in half points."""
    if not lines:
        return
    drops = [above.bottom - line.bottom for above, line in pairwise(lines)]
    # On a page of few lines the distances say little: double spacing is the widest known.
    widest = 1.7 * median(line.height for line in lines)
    usual = min(widest, median([drop for drop in drops if drop > 0] or [widest]))
    edge = max(line.right for line in lines)
    ends = [_between(above, line, usual=usual, edge=edge) for above, line in pairwise(lines)]
    parts: list[str] = []
    for line, end in zip(lines, [*ends, _PARAGRAPH_END], strict=True):
        parts += line.text, end
        if end == _PARAGRAPH_END:
            text = _HYPHENATED.sub(_unless_word_goes_on, "".join(parts)).translate(_CLEAN).strip()
            if text:
                yield text, line.size
            parts.clear()


def _unless_word_goes_on(hyphen: re.Match[str]) -> str:
    return "" if (hyphen[1] or "").islower() else "-"


def _between(above: _Line, line: _Line, *, usual: float, edge: float) -> str:
    """Return what stands between two lines: nothing, a space, a line end or a paragraph's end.

    `usual` is the page's distance of lines, `edge` its right margin.
    """
    drop = above.bottom - line.bottom
    sentence_ends = bool(_SENTENCE_END.search(above.text))
    letter = (above.right - above.left) / len(above.text)
    ends_early = above.right + letter * (line.text + " ").index(" ") < edge - letter
    if above.text.endswith(_HYPHEN):
        return ""
    if abs(drop) < above.height / 2:  # cells of a row, say
        return " "
    if (
        drop > 1.4 * usual
        or not 0.85 < line.height / (above.height or 1) < 1.18
        or _BULLET.match(line.text)
        or (sentence_ends and (ends_early or drop < 0 or line.left > above.left + line.height / 2))
    ):
        return _PARAGRAPH_END
    if _IDEOGRAPH.match(line.text) and _IDEOGRAPH.match(above.text[-1]):
        return ""
    return "\n" if ends_early else " "
