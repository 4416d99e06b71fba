"""Markdown (CommonMark with tables) → blocks that are exact slices of the source.

The canonical text is the source itself, so that a citation can be found in the author's file.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice, pairwise
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from functions.ingest.extraction.decoding import decode
from functions.ingest.extraction.outline import Outline, enter, path
from quire.domain import Block, BlockKind
from quire.errors import Unreadable

_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "list_item_open": "list_item",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
}
# A book has under a million characters.
_MOST_CHARACTERS = 10_000_000
_WINDOW = 4_000  # lines
_TITLE_WITHIN = 1_000  # blocks
_NOTHING = Token("nothing", "", 0)
_LISTINGS = frozenset({"fence", "code_block", "html_block"})
_LISTS = frozenset({"bullet_list_open", "ordered_list_open"})
_ITEMS = frozenset({"list_item_open"})
_TAGS = re.compile(r"<!--.*?(?:-->|\Z)|<[^<>]*>", re.DOTALL)

# What Jekyll, Hugo and others put on top: YAML between fences.
_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?=[\w\"'-]+:).*?^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_FRONT_TITLE = re.compile(r"^title:(.+)$", re.MULTILINE)

# Pandoc's and mdBook's ids of headings: "Title {#id}".
_HEADING_ID = re.compile(r"\s*\{[#.][^{}]*\}\s*$")


class _Start(NamedTuple):
    """Where a block starts: a line of the body."""

    line: int
    kind: BlockKind
    outline: Outline


def read(content: bytes, *, content_type: str | None) -> tuple[str | None, Iterator[Block]]:
    """Return the title and the blocks; raise Unreadable if it is no text, or more than is read."""
    text = decode(content, declared=content_type)
    if len(text) > _MOST_CHARACTERS:
        raise Unreadable(
            f"This Markdown file is over {_MOST_CHARACTERS // 10**6} million characters long; "
            "split it and upload the parts."
        )
    matter = _FRONT_MATTER.match(text)
    front, body = (text[: matter.end()], text[matter.end() :]) if matter else ("", text)
    lines = body.split("\n")
    starts = _starts(lines)
    first = list(islice(starts, _TITLE_WITHIN)) or [_Start(0, "paragraph", ())]
    return _title(front, first), _blocks(front, lines, chain(first, starts))


def _title(front: str, starts: list[_Start]) -> str | None:
    """Return the first level-1 heading, else the front matter's title, else a heading on top."""
    outlines = (start.outline for start in starts if start.kind == "heading")
    first = next((title for (level, title), *_ in outlines if level == 1 and title), None)
    declared = _FRONT_TITLE.search(front)
    named = declared[1].strip().strip("\"'") if declared else None
    return first or named or next(iter(path(starts[0].outline)), None)


def _blocks(front: str, lines: list[str], starts: Iterator[_Start]) -> Iterator[Block]:
    if front:
        yield Block(text=front, kind="code")
    begin = 0  # white space on top belongs to what follows it
    end = _Start(len(lines), "paragraph", ())
    for start, following in pairwise(chain(starts, [end])):
        text = "\n".join(lines[begin : following.line])
        # Every line but the last one has an end.
        yield Block(
            text=text if following is end else f"{text}\n",
            kind=start.kind,
            heading=path(start.outline),
        )
        begin = following.line


def _starts(lines: list[str]) -> Iterator[_Start]:
    """Yield the starts of all top-level blocks, of top-level lists those of their items."""
    # Inline markup takes half the time and matters in headings only.
    parser = MarkdownIt("commonmark").enable("table").disable("inline")
    references: dict[str, Any] = {}
    outline: Outline = ()
    begin: int | None = None
    for line, token, inner in _parsed(parser, lines, references):
        begin = line if begin is None else begin
        if token.type == "html_block" and not _TAGS.sub("", token.content).strip():
            # Tags without words belong to what they open or close.
            begin = None if token.content.startswith("</") else begin
            continue
        if token.type == "heading_open":
            title = _plain(parser, inner.content, references)
            outline = enter(outline, int(token.tag[1]), title)
        yield _Start(begin, _KINDS.get(token.type, "paragraph"), outline)
        begin = None
    if begin is not None:
        yield _Start(begin, "paragraph", outline)


def _parsed(
    parser: MarkdownIt, lines: list[str], references: dict[str, Any]
) -> Iterator[tuple[int, Token, Token]]:
    """As `_top_level`, of a window of lines after the other: a parsed line takes two kilobytes.

    What begins last in a window may go on behind it, so the next window begins with it. What fills
    a whole window is a list or a table without end, and cut; of a listing there is more at once.
    """
    at, size = 0, _WINDOW
    while True:
        window = lines[at : at + size]
        found = list(_top_level(parser.parse("\n".join(window), references), window))
        if at + size >= len(lines):
            yield from ((at + line, token, inner) for line, token, inner in found)
            return
        *whole, (last, token, _) = found or [(0, _NOTHING, _NOTHING)]
        if last == 0 and token.type in _LISTINGS:
            size *= 4
            continue
        yield from ((at + line, token, inner) for line, token, inner in (whole if last else found))
        at, size = at + (last or size), _WINDOW


def _top_level(tokens: list[Token], lines: list[str]) -> Iterator[tuple[int, Token, Token]]:
    """Yield a line, the token of the block that starts there, and the token after that."""
    end = Token("end", "", 0, map=[len(lines), len(lines)])
    reached = 0
    for token, following in pairwise([*tokens, end, end]):
        if not token.map or token.type in _LISTS or token.level != (token.type in _ITEMS):
            continue
        # Definitions of links are lines without a token.
        definition = (line for line in range(reached, token.map[0]) if lines[line].strip())
        for line in islice(definition, 1):
            yield line, end, end
        if token is not end:
            yield token.map[0], token, following
        reached = token.map[1]


def _plain(parser: MarkdownIt, source: str, references: dict[str, Any]) -> str:
    """Return a heading's words without their markup."""
    tokens: list[Token] = []
    parser.inline.parse(_HEADING_ID.sub("", source[:1000]), parser, references, tokens)
    return "".join(
        " " if token.type.endswith("break") else token.content
        for token in tokens
        if token.type != "html_inline"
    )
