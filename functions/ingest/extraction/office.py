"""What Word, PowerPoint and Excel files have in common: parts that point to others.

The libraries that read them take a file for well-meant: they hold all its parts, pictures and
films as well, and fail where one is missing. So they are given a copy of what is read.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element, SubElement, tostring
from zipfile import ZIP_DEFLATED, ZipFile

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from lxml import etree  # type: ignore[import-untyped]

from functions.ingest.extraction.archive import Archive, damaged
from functions.ingest.extraction.xmlguard import Guard
from quire.errors import Unreadable

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
# What no reader sees: deleted while changes were tracked, or shown by programs that cannot show the
# text beside it; tab stops; readings of Chinese characters.
_ASIDE = [f"{{*}}{name}" for name in ("del", "moveFrom", "Fallback", "tabs", "rt")]
# What text and shapes are wrapped in, so that libraries pass it over.
_WRAPS = [
    f"{{*}}{name}"
    for name in (
        "ins", "moveTo", "sdt", "sdtContent", "customXml", "smartTag", "AlternateContent", "Choice",
    )
]  # fmt: skip
_STRICT = "http://purl.oclc.org/ooxml/"
# The libraries look through a list of them for each.
_MOST_PARTS = 10_000
_NO_TITLE = re.compile(
    r"(?:(?:powerpoint |word )?(?:presentation|document|template)|untitled|slide|title)?\W*\d*"
    r"|.*\.(?:docx?|pptx?|xlsx?)",
    re.IGNORECASE,
)


class Part(NamedTuple):
    """What one part is to another: its content type, or "" to name it and not to copy it.

    `most` are its bytes; in parts that are read as they come, `forgotten` is the element whose end
    frees what was in it.
    """

    content_type: str
    most: int = 24 * 2**20
    forgotten: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much a file may hold: bytes in all; elements, attributes and the like at once."""

    in_all: int
    markup: int


@contextmanager
def or_damaged() -> Iterator[None]:
    """Whatever a library raises at a file that was looked through is the file's fault."""
    try:
        yield
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        raise damaged() from error


def title(given: str | None) -> str | None:
    """Return the title in a file's properties, if an author and no program gave it."""
    name = " ".join((given or "").split())
    return None if _NO_TITLE.fullmatch(name) else name


def unwrap(element: etree._Element) -> None:
    """Leave in an element what its reader sees, where libraries look for it."""
    etree.strip_elements(element, *_ASIDE, with_tail=False)
    etree.strip_tags(element, *_WRAPS)


def slimmed(content: bytes, parts: Mapping[str, Part], *, room: Room) -> BytesIO:
    """Return a copy with those parts only that others point to as one of `parts`: "slide", …

    All of it has been looked through. Raises Unreadable.
    """
    archive = Archive(content, most=room.in_all)
    guard = Guard(most=room.markup)
    types = Element(f"{{{_TYPES}}}Types")
    SubElement(types, f"{{{_TYPES}}}Default", {"Extension": "rels", "ContentType": _RELATIONS_TYPE})
    seen, waiting = {""}, [""]
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as copy:
        while waiting:
            part = waiting.pop()
            for kind, name in _related(archive, part, parts, copy=copy, guard=guard):
                if name in seen or not parts[kind].content_type:
                    continue
                seen.add(name)
                if len(seen) > _MOST_PARTS:
                    raise Unreadable("This file has too many parts; split it and upload those.")
                waiting.append(name)
                described = {"PartName": name, "ContentType": parts[kind].content_type}
                SubElement(types, f"{{{_TYPES}}}Override", described)
                pieces = archive.pieces(name, most=parts[kind].most)
                with copy.open(name.strip("/"), "w") as stream:
                    for piece in guard.passed(pieces, forgotten=parts[kind].forgotten):
                        stream.write(piece)
        copy.writestr("[Content_Types].xml", tostring(types))
    return file


def _related(
    archive: Archive, part: str, parts: Mapping[str, Part], *, copy: ZipFile, guard: Guard
) -> Iterator[tuple[str, str]]:
    """Copy the list of what a part points to, as far as that is read; yield kinds and names."""
    folder, name = posixpath.split(part)
    listing = posixpath.join(folder, "_rels", f"{name}.rels")
    if listing not in archive:
        return
    relations = fromstring(b"".join(guard.passed([archive.read(listing)])))
    for relation in list(relations):
        space, _, kind = relation.get("Type", "").rpartition("/")
        if space.startswith(_STRICT):
            raise Unreadable(
                "This file is in the strict form of Office's formats; save it as an ordinary DOCX, "
                "PPTX or XLSX and upload that."
            )
        target = posixpath.normpath(
            posixpath.join("/", folder, unquote(relation.get("Target", "")))
        )
        if relation.get("TargetMode") == "External" or kind not in parts or target not in archive:
            relations.remove(relation)
        else:
            yield kind, target
    copy.writestr(listing.strip("/"), tostring(relations))
