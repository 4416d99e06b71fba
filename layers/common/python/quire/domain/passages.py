"""A document's text in parts: as it is extracted, cut and indexed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID, uuid5

BlockKind = Literal["heading", "paragraph", "list_item", "table", "code"]


def chunk_id(document: UUID, version: int, ordinal: int) -> UUID:
    """Deterministic, so that writing a chunk twice writes it once."""
    return uuid5(document, f"{version}/{ordinal}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of canonical text as extraction yields it.

    A version's canonical text is the concatenation of its blocks, so `text` includes the white
    space that follows. `heading` is the path the block stands under, a heading's own included.
    """

    text: str
    kind: BlockKind
    heading: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What chunking yields: a stretch of canonical text before it has an id."""

    ordinal: int
    start: int
    end: int
    text: str
    heading: tuple[str, ...]
    page: int | None
    tokens: int


_LONGEST_GAP = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage of one document version, as it is indexed and as it is cited.

    `gap` is the white space between it and what follows, as far as that is short.
    """

    id: UUID
    document: UUID
    version: int
    filename: str
    title: str
    ordinal: int
    start: int
    end: int
    text: str
    heading: tuple[str, ...] = ()
    page: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    gap: str = ""

    def with_text(self, canonical: str) -> "Chunk":
        """The chunk with its words, which are a stretch of its version's canonical text."""
        gap = canonical[self.end : self.end + _LONGEST_GAP]
        return replace(
            self,
            text=canonical[self.start : self.end],
            gap=gap[: len(gap) - len(gap.lstrip())],
        )
