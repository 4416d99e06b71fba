"""XML, looked through before a library makes a tree of it.

Trees take ten times the size of their XML, and 1 MB of XML may be 200,000 elements: what counts is
how much of them is held at once, and how deep they stand.
"""

from collections.abc import Iterable, Iterator
from xml.parsers import expat

from functions.ingest.extraction.archive import damaged
from quire.errors import Unreadable

# lxml's own limit, and deeper than any document's.
_DEEPEST = 250
# A tag is parsed once it is whole, so one that never ends would be kept. Word hides pictures in
# attributes, which are long.
_LONGEST_TAG = 8 * 2**20
# What takes as much as an element or an attribute, some 250 bytes.
_CHARACTERS = 200
_FORGOTTEN = 5


class Guard:
    """Counts elements, attributes and text, of all the parts that are passed through it."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._held = 0.0

    def passed(self, pieces: Iterable[bytes], *, forgotten: str = "") -> Iterator[bytes]:
        """Pass on a part. Its reader forgets what is in elements called `forgotten` at their end.

        Raises Unreadable.
        """
        depth, before = 0, 0.0

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth, before
            if name == forgotten:
                before = self._held
            depth += 1
            self._held += 1 + len(attributes)
            if depth > _DEEPEST:
                raise _hostile()
            if self._held > self._most:
                raise _too_much()

        def text(characters: str) -> None:
            self._held += len(characters) / _CHARACTERS

        def end(name: str) -> None:
            nonlocal depth
            depth -= 1
            if self._held > self._most:
                raise _too_much()
            if name == forgotten:
                self._held = before + 1 / _FORGOTTEN

        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = text
        parser.EntityDeclHandler = _refuse
        fed = 0
        try:
            for piece in pieces:
                parser.Parse(piece, False)
                fed += len(piece)
                if fed - parser.CurrentByteIndex > _LONGEST_TAG:
                    raise _hostile()
                yield piece
            parser.Parse(b"", True)
        except (expat.ExpatError, ValueError, LookupError):  # the latter: of unknown encodings
            raise damaged() from None


def _too_much() -> Unreadable:
    return Unreadable(
        "This file has too much markup to be read at once; split it and upload the parts."
    )


def _refuse(*_: object) -> None:
    raise _hostile()


def _hostile() -> Unreadable:
    return Unreadable(
        "This file's XML is not such as Office or a book's publisher writes (entities, or endless "
        "nesting or tags); save it anew and upload that."
    )
