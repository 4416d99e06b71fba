"""HTML → its text as blocks, without scripts, styles and navigation."""

import re
from collections.abc import Callable, Generator, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from functions.ingest.extraction.decoding import decode
from functions.ingest.extraction.outline import Outline, enter, path
from functions.ingest.extraction.taming import tame
from quire.domain import Block, BlockKind
from quire.errors import Unreadable

_SKIPPED = frozenset(
    "-comment -doctype head nav footer template noscript object canvas audio video select datalist "
    "button dialog".split()
)
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
# Where a line of text ends, other than at <br>.
_BLOCKS = _HEADINGS | frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure form header hgroup hr legend li main menu ol option p pre search section "
    "summary table tbody td tfoot th thead tr ul".split()
)
_BREAKS = _BLOCKS | {"br"}
# A table with any of these in it, or another table, lays out a page.
_LAYOUT = "h1, h2, h3, h4, pre, p + p, article, section"

_SPACES = re.compile(r"\s+")
_RUNS_OF_SPACES = re.compile(" {2,}")
_LINE_ENDS = re.compile(r" *\n *")
_BLANK_LINES = re.compile(r"\n{2,}")
# The signs that documentation tools put in headings as links to themselves.
_PERMALINKS = " ¶§"

# The tree of a page takes some hundred bytes a tag.
_MOST_BYTES = 16 * 2**20
_MOST_TAGS = 500_000

_Event = tuple[str, str, LexborNode]


def read(content: bytes, *, content_type: str | None) -> tuple[str | None, Iterator[Block]]:
    """Return the title and the blocks of a page's <main>, or of all of it; raise Unreadable."""
    tree = parsed(content, content_type=content_type)
    titles = (node.text() for node in tree.css("head > title, h1"))
    title = next(filter(None, (" ".join(t.split()).strip(_PERMALINKS) for t in titles)), None)
    mains = [main for main in tree.css("main") if main.text(strip=True)]
    root = mains[0] if len(mains) == 1 else tree.root
    return title, blocks_of(root) if root else iter(())


def parsed(content: bytes, *, content_type: str | None) -> LexborHTMLParser:
    """Raises Unreadable, also for more than a tree can be made of."""
    if len(content) > _MOST_BYTES or content.count(b"<") > _MOST_TAGS:
        raise Unreadable(
            f"This page has over {_MOST_TAGS:,} tags, or over {_MOST_BYTES // 2**20} MB; split it, "
            "or save it as PDF, and upload that."
        )
    declared = f"{content_type or ''} {content[:4096].decode('latin-1')}"
    return LexborHTMLParser(tame(decode(content, declared=declared)))


def blocks_of(root: LexborNode, outline: Outline = ()) -> Generator[Block, None, Outline]:
    """Yield the blocks below a node, which stand under `outline`; return the outline after them."""
    words: list[str] = []
    items, marker = 0, ""
    for event, tag, node in _walk(root, whole=_is_whole):
        if event == "text":
            words.append(_text(node))
        elif tag == "br":
            words.append("\n" if event == "open" else "")
        elif tag in _BLOCKS:
            kind: BlockKind = "list_item" if items else "paragraph"
            for text in _paragraphs(words):
                yield Block(text=f"{marker}{text}\n\n", kind=kind, heading=path(outline))
                marker = ""
            words.clear()
            if tag == "li":
                items += 1 if event == "open" else -1
                marker = "- " if event == "open" else ""
            elif event == "whole":
                kind, reader = _WHOLE[tag]
                text = reader(node)
                if kind == "heading" and text:
                    outline = enter(outline, int(tag[1]), text)
                if text:
                    yield Block(text=f"{text}\n\n", kind=kind, heading=path(outline))
    for text in _paragraphs(words):
        yield Block(text=f"{text}\n\n", kind="paragraph", heading=path(outline))
    return outline


def _walk(
    root: LexborNode, *, whole: Callable[[str, LexborNode], bool] | None = None
) -> Iterator[_Event]:
    """Yield (event, tag, node) in document order: text, open, close, or whole for `whole` nodes.

    A loop, as pages nest deeper than Python recurses.
    """
    node, depth = root.first_child, 0
    while node:
        tag = node.tag or ""
        if tag == "-text":
            yield "text", tag, node
        elif whole and whole(tag, node):
            yield "whole", tag, node
        elif tag not in _SKIPPED:
            yield "open", tag, node
            if child := node.first_child:
                node, depth = child, depth + 1
                continue
            yield "close", tag, node
        while not (following := node.next) and depth and (parent := node.parent):
            node, depth = parent, depth - 1
            yield "close", node.tag or "", node
        node = following


def _is_whole(tag: str, node: LexborNode) -> bool:
    if tag == "table":
        return len(node.css("table")) == 1 and node.css_first(_LAYOUT) is None
    return tag in _WHOLE


def _text(node: LexborNode) -> str:
    return _SPACES.sub(" ", node.text_content or "").replace("\xad", "")


def _paragraphs(words: list[str]) -> list[str]:
    """Return folded paragraphs; old pages part them by two <br> rather than by <p>."""
    text = _LINE_ENDS.sub("\n", _RUNS_OF_SPACES.sub(" ", "".join(words))).strip()
    return _BLANK_LINES.split(text) if text else []


def _line(heading: LexborNode) -> str:
    words = (
        _text(node) if event == "text" else " "
        for event, tag, node in _walk(heading)
        if event == "text" or tag in _BREAKS
    )
    return " ".join("".join(words).split()).strip(_PERMALINKS)


def _lines(pre: LexborNode) -> str:
    lines = (
        node.text_content or "" if event == "text" else "\n"
        for event, tag, node in _walk(pre)
        if event == "text" or (event == "close" and tag in _BREAKS)
    )
    return "".join(lines).strip("\n").rstrip()


def _rows(table: LexborNode) -> str:
    """Return a line for every row, its cells parted by " | ", after the caption's."""
    rows: list[str] = []
    cells: list[str] = []
    words: list[str] = []
    for event, tag, node in _walk(table):
        if event == "text":
            words.append(_text(node))
        elif tag in _BREAKS:
            words.append(" ")
        if event == "close" and tag in ("td", "th", "caption"):
            cells.append(" ".join("".join(words).split()))
            words.clear()
        if event == "close" and tag in ("tr", "caption"):
            rows.append(" | ".join(cells))
            cells.clear()
    return "\n".join(row for row in rows if row.strip(" |"))


_WHOLE: dict[str, tuple[BlockKind, Callable[[LexborNode], str]]] = {
    **dict.fromkeys(_HEADINGS, ("heading", _line)),
    "pre": ("code", _lines),
    "table": ("table", _rows),
}
