"""Source code → its stretches between blank lines, as they are."""

import re
from collections.abc import Iterator
from dataclasses import replace

from functions.ingest.extraction import plain
from quire.domain import Block

# What starts at the margin, in most languages: "pub async fn walk", "class Arm(Part):".
_DEFINITION = re.compile(
    r"""^(?:(?:export|default|public|private|protected|internal|static|abstract|final|sealed|async
            |partial|open|data|pub(?:\([\w:\ ]*\))?|unsafe|const)\s+){0,6}
        (?:def|class|func|fn|fun|function|interface|struct|enum|trait|impl|module|namespace|object
            |record|type|sub)\s+
        (?:\([^()\n]{0,100}\)\s*)?+           # the receiver of a method in Go
        (?P<name>[A-Za-z_$][\w.:$]{0,99})""",
    re.MULTILINE | re.VERBOSE,
)
_GOES_ON = tuple(" \t\n})]>")


def read(content: bytes, *, content_type: str | None) -> Iterator[Block]:
    """Return blocks that are exact slices of the text; raise Unreadable if it is none.

    They stand under the outermost definition they are part of, so far as margins tell.
    """
    return _named(plain.read(content, content_type=content_type))


def _named(blocks: Iterator[Block]) -> Iterator[Block]:
    heading: tuple[str, ...] = ()
    for block in blocks:
        if definition := _DEFINITION.search(block.text):
            heading = (definition["name"],)
        elif not block.text.startswith(_GOES_ON):
            heading = ()
        yield replace(block, kind="code", heading=heading)
