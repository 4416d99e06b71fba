"""Bytes → canonical text and passages, and the checkpoint that spares a second reading."""

import json
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from functions.ingest.chunking import chunk
from functions.ingest.extraction import extract
from quire.domain import Block, Passage
from quire.errors import QuireError, Unreadable
from quire.object_keys import is_readable
from quire.objects import StoredObject
from quire.observability import log

# Titles go before every chunk that is embedded, and into every prompt.
TITLE_LENGTH = 200


class OutOfTime(Exception):
    """The invocation ends before the file could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A version's canonical text and the passages it was cut into."""

    title: str
    text: str
    passages: Sequence[Passage]


def read(original: StoredObject, *, filename: str, until: float) -> Text:
    """Read a file until `until` in monotonic seconds; blocking. Raises Unreadable, OutOfTime.

    What a parser did not foresee is the file's fault too.
    """
    try:
        return _read(original, filename, until)
    except (QuireError, OutOfTime):
        raise
    except Exception as error:
        log.exception("a parser failed")
        raise Unreadable("This file could not be read; save it anew and upload that.") from error


def _read(original: StoredObject, filename: str, until: float) -> Text:
    if not is_readable(filename):
        raise Unreadable(
            "The name of this file cannot be seen, or holds characters that control text or turn "
            "its direction; rename the file and upload it again."
        )
    extraction = extract(original.content, filename=filename, content_type=original.content_type)
    texts: list[str] = []
    passages = list(chunk(_collected(_timed(extraction.blocks, until), texts)))
    if not passages:
        raise Unreadable("There is no text in this file.")
    title = (extraction.title or PurePosixPath(filename).stem)[:TITLE_LENGTH]
    return Text(title=title, text="".join(texts), passages=passages)


def _collected(blocks: Iterable[Block], texts: list[str]) -> Iterator[Block]:
    """Keep each block's text as it passes, so that the blocks themselves need not be held."""
    for block in blocks:
        texts.append(block.text)
        yield block


def _timed(blocks: Iterable[Block], until: float) -> Iterator[Block]:
    for block in blocks:
        if time.monotonic() > until:
            raise OutOfTime
        yield block


def pack(text: Text) -> bytes:
    """The passages without their words, which the canonical text has."""
    passages = [{**asdict(passage), "text": ""} for passage in text.passages]
    return zlib.compress(json.dumps({"title": text.title, "passages": passages}).encode(), 1)


def unpack(packed: bytes, text: str) -> Text:
    kept = json.loads(zlib.decompress(packed))
    return Text(
        title=kept["title"],
        text=text,
        passages=[
            Passage(
                **{
                    **passage,
                    "heading": tuple(passage["heading"]),
                    "text": text[passage["start"] : passage["end"]],
                }
            )
            for passage in kept["passages"]
        ],
    )
