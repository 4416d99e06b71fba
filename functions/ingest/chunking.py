"""Blocks → passages: the stretches of a document that are embedded, retrieved and cited.

blocks → pieces (no longer than a passage) → groups (a passage's worth, within one section)
→ joined (tiny sections with the next) → passages. Every step is a stream, and the passages
together are the text: each character that is not white space is in exactly one.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise, takewhile
from typing import NamedTuple
from unicodedata import category

from quire.domain import Block, BlockKind, Passage
from quire.tokens import count_tokens, fitting

# MiniLM reads 256 tokens; the rest is left for "title › section", which is embedded in front.
LIMIT = 220

# In Markdown a blank line of a quotation holds its ">".
_PARAGRAPH_END = re.compile(r"\n(?:[^\S\n]*(?:>[^\S\n]*)*\n)+")
_LINE_END = re.compile(r"\n+")
_SENTENCE_END = re.compile(
    r"""[.!?…]["'”’»)\]*_]*\s+(?![a-z])
      | [。！？]["”’」』）]*\s*(?=[\w「『“（《])
      | \n(?=\s*(?:[-*+•]|\d+[.)])\s)""",
    re.VERBOSE,
)
_ENDS: dict[BlockKind, tuple[re.Pattern[str], ...]] = {
    "code": (_PARAGRAPH_END, _LINE_END),
    "table": (_LINE_END,),
}
_PROSE_ENDS = (_PARAGRAPH_END, _SENTENCE_END, _LINE_END)


class _Piece(NamedTuple):
    """A block, or a part of one too long to be a passage."""

    text: str
    start: int
    tokens: int
    block: Block

    @property
    def is_heading(self) -> bool:
        return self.block.kind == "heading"

    @property
    def introduces(self) -> bool:
        """Whether it ends "as follows:", or in a heading within a quotation."""
        last_line = self.text.rstrip("> \n").rpartition("\n")[2]
        return last_line.endswith((":", "：")) or last_line.startswith("> #")


def chunk(blocks: Iterable[Block], *, limit: int = LIMIT) -> Iterator[Passage]:
    """Yield passages of at most `limit` tokens (see `count_tokens`), in the order of the text.

    A passage follows the document's structure. It stays within a section, unless a section under
    a quarter of the limit fits with the next one under the same parent; `heading` is then
    the path they share. A heading goes with the text below it. Blocks stay whole where they fit;
    a longer one is cut at blank lines and sentence ends (code and tables at line ends), else at
    white space, else anywhere. `page` is the one the passage starts on.

    Passages do not overlap: they end where the author made an end, so what a repeated sentence
    would add is small, and a citation belongs to one passage only.
    """
    ordinal = 0
    for group in _joined(_groups(_pieces(blocks, limit), limit), limit):
        text = "".join(piece.text for piece in group)
        # The indentation of a first line belongs to it: only whole blank lines go.
        lead = text[: len(text) - len(text.lstrip())].rfind("\n") + 1
        text = text[lead:].rstrip()
        if text:
            start = group[0].start + lead
            yield Passage(
                ordinal=ordinal,
                start=start,
                end=start + len(text),
                text=text,
                heading=_heading(group),
                page=group[0].block.page,
                tokens=count_tokens(text),
            )
            ordinal += 1


def _pieces(blocks: Iterable[Block], limit: int) -> Iterator[_Piece]:
    """Cut what is too long to stand in one passage together with the headings right above it."""
    start = above = 0
    for block in blocks:
        tokens = count_tokens(block.text)
        if tokens <= limit - above:
            yield _Piece(block.text, start, tokens, block)
            start += len(block.text)
        else:
            for part in _cut(block.text, limit - above, _ENDS.get(block.kind, _PROSE_ENDS)):
                yield _Piece(part, start, count_tokens(part), block)
                start += len(part)
        above = above + tokens if block.kind == "heading" else 0
        if above > limit // 2:
            above = 0  # such a heading is a text of its own


def _cut(text: str, room: int, ends: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    """Yield parts of at most `room` tokens: by the first of `ends`, and only if need be the next."""
    if count_tokens(text) <= room:
        yield text
    elif ends:
        cuts = [0, *(end.end() for end in ends[0].finditer(text)), len(text)]
        for start, stop in pairwise(cuts):
            if start < stop:
                yield from _cut(text[start:stop], room, ends[1:])
    else:
        yield from _cut_anywhere(text, room)


def _cut_anywhere(text: str, room: int) -> Iterator[str]:
    """Yield parts of at most `room` tokens that end at white space, or where a long word must."""
    start = 0
    while start < len(text):
        end = fitting(text, room, start=start)
        if end < len(text) and not text[end - 1].isspace():
            words = text[start:end].rsplit(maxsplit=1)
            end = end - len(words[1]) if len(words) == 2 else _before_marks(text, start, end)
        yield text[start:end]
        start = end


def _before_marks(text: str, start: int, end: int) -> int:
    """Move `end` back to where it parts no combining mark or joined emoji from its base."""
    for at in range(end, start, -1):
        if category(text[at])[0] != "M" and "\u200d" not in text[at - 1 : at + 1]:
            return at
    return end


def _groups(pieces: Iterable[_Piece], limit: int) -> Iterator[list[_Piece]]:
    """Yield passages' worth of pieces, section by section.

    Up to two passages' worth is held back, so that the end of a section is cut in even halves
    instead of leaving a sentence alone in its last passage.
    """
    section: list[_Piece] = []
    held = 0
    for piece in pieces:
        if section and _opens_section(piece, after=section[-1]):
            yield from _halves(section, limit)
            section, held = [], 0
        section.append(piece)
        held += piece.tokens
        if held > 2 * limit:
            count = _count_nearest(section, limit, aim=limit)
            yield section[:count]
            held -= _tokens(section[:count])
            del section[:count]
    yield from _halves(section, limit)


def _opens_section(piece: _Piece, *, after: _Piece) -> bool:
    """Headings in a row, and what stands under them, are one section."""
    if after.is_heading:
        return False
    return piece.is_heading or piece.block.heading != after.block.heading


def _halves(section: list[_Piece], limit: int) -> Iterator[list[_Piece]]:
    while section:
        tokens = _tokens(section)
        aim = tokens if tokens <= limit else tokens // 2
        count = _count_nearest(section, limit, aim=aim)
        yield section[:count]
        section = section[count:]


def _count_nearest(pieces: list[_Piece], limit: int, *, aim: int) -> int:
    """Return how many pieces come nearest to `aim` tokens within `limit`: one at least.

    Neither a heading nor "as follows:" is the last of them if what follows it can be kept with it.
    """
    tokens = pieces[0].tokens
    for count, (last, piece) in enumerate(pairwise(pieces), start=1):
        longer = tokens + piece.tokens
        if longer > limit or (not last.is_heading and longer - aim > aim - tokens):
            moves = last.introduces and last.tokens + piece.tokens <= limit
            return count - 1 if moves and count > 1 and not pieces[count - 2].is_heading else count
        tokens = longer
    return len(pieces)


def _joined(groups: Iterable[list[_Piece]], limit: int) -> Iterator[list[_Piece]]:
    """Join a group under a quarter of `limit` to the next one under the same parent."""
    held: list[_Piece] = []
    for group in groups:
        tokens = _tokens(held)
        parent = _heading(held)[:-1]
        if (
            tokens < limit // 4
            and tokens + _tokens(group) <= limit
            and _heading(group)[: len(parent)] == parent
        ):
            held = held + group
        else:
            yield held
            held = group
    yield held


def _heading(group: list[_Piece]) -> tuple[str, ...]:
    """Return the path all text of a group stands under, or all headings where there is no text."""
    paths = {piece.block.heading for piece in group if not piece.is_heading}
    paths = paths or {piece.block.heading for piece in group}
    shared = takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False))
    return tuple(names[0] for names in shared)


def _tokens(pieces: list[_Piece]) -> int:
    return sum(piece.tokens for piece in pieces)
