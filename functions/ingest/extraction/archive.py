"""The parts of a ZIP file, inflated piece by piece and only so far.

DOCX, PPTX, XLSX and EPUB are ZIP files, and 1 MB of such a file may inflate to 1 GB.
"""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from quire.errors import Unreadable

# In all, of the parts that are read; pictures and films are not.
_MOST_BYTES = 200 * 2**20
# Of a part that a reader holds whole, as a slide or a chapter.
_MOST_HELD = 16 * 2**20
# Python keeps about a kilobyte for each.
_MOST_PARTS = 50_000
_PIECE = 2**16
# What is in a ZIP file's directory once for each part.
_ENTRY = b"PK\x01\x02"
_IS_ENCRYPTED = 0x1
# All that Office and EPUB allow. LZMA, for one, may ask for gigabytes before its first byte.
_METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED})
# All that zipfile is known to raise for one that is damaged.
_BROKEN = (
    BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError,
    OverflowError,
)  # fmt: skip


def damaged() -> Unreadable:
    return Unreadable(
        "This file is damaged; open it in the program that made it, save it anew and upload that."
    )


class Archive:
    """A ZIP file. Names of parts know no case and no leading slash, as Office takes them."""

    def __init__(self, content: bytes, *, most: int = _MOST_BYTES) -> None:
        """`most` bytes are inflated in all."""
        if content.count(_ENTRY) > _MOST_PARTS:
            raise Unreadable("This file has too many parts; split it and upload those.")
        try:
            self._zip = ZipFile(BytesIO(content))
        except _BROKEN:
            raise damaged() from None
        self._parts = {_plain(part.filename): part for part in self._zip.infolist()}
        self._most = self._left = most

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._parts

    def has_folder(self, name: str) -> bool:
        return any(part.startswith(_plain(name) + "/") for part in self._parts)

    def pieces(self, name: str, *, most: int = _MOST_BYTES) -> Iterator[bytes]:
        """Yield a part's bytes; raise Unreadable, also where it is over `most` of them."""
        part = self._parts.get(_plain(name))
        if part is None or part.compress_type not in _METHODS:
            raise damaged()
        if part.flag_bits & _IS_ENCRYPTED:
            raise Unreadable("This file is encrypted; remove its password and upload it again.")
        # zipfile inflates no more than is declared here, so a part that lies is cut and then
        # fails its checksum.
        if part.file_size > self._left:
            raise Unreadable(
                f"This file unpacks to over {self._most // 2**20} MB of text and markup; "
                "split it and upload the parts."
            )
        if part.file_size > most:
            raise Unreadable(
                f"A text, slide, chapter or sheet of this file is over {most // 2**20} MB when "
                "unpacked; split it and upload the file again."
            )
        self._left -= part.file_size
        try:
            with self._zip.open(part) as stream:
                while piece := stream.read(_PIECE):
                    yield piece
        except _BROKEN:
            raise damaged() from None

    def read(self, name: str) -> bytes:
        """Return a part that is held whole; raise Unreadable."""
        return b"".join(self.pieces(name, most=_MOST_HELD))


def _plain(name: str) -> str:
    return name.replace("\\", "/").strip("/").lower()
