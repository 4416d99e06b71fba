"""A record (what JSON makes of an object) → its title, its texts and its other fields."""

import re
from collections.abc import Iterator
from typing import Any

from functions.ingest.extraction import plain
from quire.domain import Block

# What authors call the name of a text, the likeliest first, and the text itself.
_TITLES = ("title", "headline", "heading", "subject", "name", "question")
_TEXTS = frozenset(
    "text content contents body abstract summary description answer context passage paragraph "
    "message document article".split()
)
# Longer strings are texts, whatever they are called; longer titles are none.
_LONG = 200
# A heading path is embedded with every passage.
_LONGEST_PATH = 6
# How many levels below a field are looked at for a text: at all of them, time would be quadratic.
_LOOK_AHEAD = 6
# JSON can write what no text can hold.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def record(value: Any, path: tuple[str, ...], place: str) -> Iterator[Block]:
    """Yield a record's blocks under its title, or else under its `place`: "item 7"."""
    if isinstance(value, dict):
        yield from _object(value, path, place)
    elif isinstance(value, list):
        under = _under(path, place)
        for number, element in enumerate(value, start=1):
            yield from record(element, under, f"item {number}")
    elif text := _shown(value):
        yield from _paragraphs(text, _under(path, place))


def _object(fields: dict[str, Any], path: tuple[str, ...], place: str) -> Iterator[Block]:
    title_key = _title_key(fields)
    title = " ".join(_shown(fields[title_key]).split()) if title_key is not None else ""
    heading = _under(path, title or place)
    if title:
        yield Block(text=f"{title}\n\n", kind="heading", heading=heading)
    lines: list[str] = []
    for key, value in fields.items():
        if key == title_key:
            continue
        if _is_section(key, value):
            yield from _fields(lines, heading)
            lines.clear()
            if isinstance(value, str):
                label = "" if key.lower() in _TEXTS else f"{_shown(key)}: "
                yield from _paragraphs(f"{label}{_shown(value)}", heading)
            elif isinstance(value, dict):
                yield from _object(value, heading, _shown(key))
            else:
                yield from record(value, heading, _shown(key))
        elif shown := _inline(value):
            lines.append(f"{_shown(key)}: {shown}")
    yield from _fields(lines, heading)


def _title_key(fields: dict[str, Any]) -> str | None:
    named = {
        key.lower(): key
        for key, value in fields.items()
        if isinstance(value, str) and 0 < len(value.strip()) <= _LONG
    }
    return next((named[name] for name in _TITLES if name in named), None)


def _is_section(key: str, value: Any, depth: int = _LOOK_AHEAD) -> bool:
    """Whether a field is a text of its own, or holds some, and is no mere property."""
    if depth == 0:
        return False
    match value:
        case str():
            return key.lower() in _TEXTS or len(value) > _LONG
        case dict():
            return any(_is_section(*field, depth - 1) for field in value.items())
        case list():
            return any(
                len(element) > _LONG
                if isinstance(element, str)
                else isinstance(element, dict | list) and _is_section(key, element, depth - 1)
                for element in value
            )
    return False


def _inline(value: Any) -> str:
    """Return a property in a line: "Ada Lovelace; born: 1815; places: London, Ockham"."""
    match value:
        case dict():
            shown = ((_shown(key), _inline(member)) for key, member in value.items())
            return "; ".join(f"{key}: {member}" for key, member in shown if member)
        case list():
            parted = " | " if any(isinstance(element, dict) for element in value) else ", "
            return parted.join(filter(None, map(_inline, value)))
    return " ".join(_shown(value).split())


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
    text = str(value)
    return _NO_TEXT.sub("\ufffd", text) if _NO_TEXT.search(text) else text


def _paragraphs(text: str, heading: tuple[str, ...]) -> Iterator[Block]:
    for block in plain.paragraphs(text.replace("\r\n", "\n")):
        if paragraph := block.text.strip():
            yield Block(text=f"{paragraph}\n\n", kind="paragraph", heading=heading)


def _fields(lines: list[str], heading: tuple[str, ...]) -> Iterator[Block]:
    if lines:
        text = "\n".join(lines)
        yield Block(text=f"{text}\n\n", kind="table", heading=heading)


def _under(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    name = " ".join(name[: 2 * _LONG].split())[:_LONG]
    return (*path, name)[:_LONGEST_PATH] if name else path
