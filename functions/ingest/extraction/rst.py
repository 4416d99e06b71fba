"""reStructuredText → its sections, lists, tables and code, as docutils parses them."""

import time
from collections.abc import Iterator
from typing import Any, ClassVar

from docutils import nodes, utils  # type: ignore[import-untyped]
from docutils.frontend import get_default_settings  # type: ignore[import-untyped]
from docutils.parsers.rst import (  # type: ignore[import-untyped]
    Directive,
    Parser,
    directives,
    states,
)

from functions.ingest.extraction.decoding import decode
from functions.ingest.extraction.outline import Outline, enter, path
from quire.domain import Block, BlockKind
from quire.errors import Unreadable

# docutils takes hours for a megabyte of some text, as of stars that never close: so its own time is
# bounded, whatever else the machine does meanwhile. 2 million characters take it 2 to 20 seconds.
_MOST_CHARACTERS = 2 * 2**20
_MOST_SECONDS = 20.0
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "syntax_highlight": "none",
    "line_length_limit": _MOST_CHARACTERS,
}
# Directives of Sphinx's that hold text as any other does. The text of those unknown is kept as it
# stands in the source.
_SPHINX = (
    "versionadded versionchanged versionremoved deprecated seealso centered glossary function "
    "class method attribute data exception module staticmethod classmethod property decorator "
    "option envvar py:function py:class py:method py:attribute py:data py:exception py:module "
    "py:staticmethod py:classmethod py:property py:decorator c:function c:type c:macro c:member "
    "c:struct cpp:function cpp:class js:function tab tabs tab-item tab-set dropdown"
).split()
_CODE = "code code-block sourcecode prompt parsed-literal".split()
_SKIPPED = (nodes.comment, nodes.target, nodes.pending)
# What becomes one block, however much it holds.
_WHOLE: dict[type[nodes.Node], BlockKind] = {
    nodes.list_item: "list_item",
    nodes.definition_list_item: "list_item",
    nodes.option_list_item: "list_item",
    nodes.field: "list_item",
    nodes.footnote: "paragraph",
    nodes.citation: "paragraph",
    nodes.line_block: "paragraph",
    nodes.literal_block: "code",
    nodes.doctest_block: "code",
    nodes.math_block: "code",
}
_ERROR = 3


class _AnyOption(dict[str, Any]):
    """Options of directives, none of which is read."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged


class _Kept(Directive):  # type: ignore[misc]
    """A directive of which the words are read, and what it does with them is not."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = _AnyOption({"name": directives.unchanged})

    def run(self) -> list[nodes.Node]:
        container = nodes.container()
        container += [nodes.paragraph("", words) for words in self.arguments]
        self.state.nested_parse(self.content, self.content_offset, container)
        return [container]


class _Code(_Kept):
    """docutils' own refuses the options of Sphinx's."""

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        return [nodes.literal_block(code, code)]


def _words(
    rawsource: str, text: str, role: str, lineno: int
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Return the words of :role:`words`, whatever the role."""
    return [nodes.inline(rawsource, utils.unescape(text))], []


for _name in _SPHINX:
    directives.register_directive(_name, _Kept)
for _name in _CODE:
    directives.register_directive(_name, _Code)


def read(content: bytes, *, content_type: str | None) -> tuple[str | None, Iterator[Block]]:
    """Return the title and the blocks; raise Unreadable if it is no text, or too much."""
    document = _parsed(decode(content, declared=content_type))
    heading = next(document.findall(nodes.section), None)
    return _title(heading) if heading else None, _blocks(document, ())


def _parsed(text: str) -> nodes.document:
    if len(text) > _MOST_CHARACTERS:
        raise Unreadable(
            f"This reStructuredText is over {_MOST_CHARACTERS // 2**20} million characters long; "
            "split it and upload the parts."
        )
    settings = get_default_settings(Parser)
    vars(settings).update(_SETTINGS)
    document = utils.new_document("", settings)
    until = time.thread_time() + _MOST_SECONDS

    def in_time(_: nodes.system_message) -> None:
        if time.thread_time() > until:
            raise Unreadable(
                "This reStructuredText takes too long to be made sense of; split it, or save it as "
                "plain text (.txt), and upload that."
            )

    document.reporter.attach_observer(in_time)
    inliner = states.Inliner()
    inliner.interpreted = _words  # no subclass: an inliner takes patterns from its own class
    try:
        Parser(inliner=inliner).parse(text, document)
    except RecursionError:
        raise Unreadable(
            "This reStructuredText is nested too deep; make it flatter and upload it again."
        ) from None
    return document


def _blocks(parent: nodes.Element, outline: Outline, level: int = 0) -> Iterator[Block]:
    """Yield the blocks of a section at a `level`, or of what stands in it."""
    for node in parent.children:
        kind = _WHOLE.get(type(node), "paragraph")
        if isinstance(node, nodes.section):
            inner = enter(outline, level, _title(node))
            yield from _blocks(node, inner, level + 1)
            continue
        if isinstance(node, nodes.title) and isinstance(parent, nodes.section):
            kind, text = "heading", _title(parent)
        elif isinstance(node, nodes.table):
            kind, text = "table", _rows(node)
        elif isinstance(node, nodes.system_message):
            text = _unread(node)
        elif isinstance(node, _SKIPPED):
            continue
        elif isinstance(node, nodes.TextElement | nodes.image) or type(node) in _WHOLE:
            text = _marker(node) + "\n".join(_texts(node))
        else:
            yield from _blocks(node, outline, level)
            continue
        if text.strip():
            yield Block(text=f"{text}\n\n", kind=kind, heading=path(outline))


def _title(section: nodes.section) -> str:
    title = section.next_node(nodes.title)
    return " ".join(title.astext().split()) if title else ""


def _texts(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.system_message):
        yield _unread(node)
    elif isinstance(node, _SKIPPED):
        return
    elif isinstance(node, nodes.TextElement | nodes.image):
        yield node.astext()
    else:
        for child in node.children:
            for number, text in enumerate(_texts(child)):
                yield f"{_marker(child)}{text}" if number == 0 else text


def _marker(node: nodes.Node) -> str:
    """Return what stands before an item of a list: "- " or "3. "."""
    if not isinstance(node, nodes.list_item):
        return ""
    if isinstance(node.parent, nodes.enumerated_list):
        return f"{node.parent.get('start', 1) + node.parent.index(node)}. "
    return "- "


def _rows(table: nodes.table) -> str:
    """Return a line for every row, its cells parted by " | ", after the title's."""
    lines = [title.astext() for title in table.findall(nodes.title)]
    for row in table.findall(nodes.row):
        cells = (" ".join(" ".join(_texts(entry)).split()) for entry in row.children)
        lines.append(" | ".join(cells))
    return "\n".join(line for line in lines if line.strip(" |"))


def _unread(message: nodes.system_message) -> str:
    """Return the source of what docutils could not make sense of: it is text all the same."""
    if message["level"] < _ERROR:  # which was read after all
        return ""
    sources = message.findall(nodes.literal_block)
    return "\n".join(source.astext().strip() for source in sources)
