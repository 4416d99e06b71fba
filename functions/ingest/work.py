"""A document version in a worker's hands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from functions.ingest.messages import Upload
from functions.ingest.reading import TITLE_LENGTH, Text
from quire.domain import Chunk, Passage, chunk_id
from quire.laps import Laps


@dataclass(slots=True, kw_only=True)
class Work:
    """What was claimed; `done` of its chunks are indexed and committed."""

    upload: Upload
    tenant: str
    document: UUID
    version: int
    claim: UUID
    filename: str
    done: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    laps: Laps = field(default_factory=Laps)
    text: Text = field(default_factory=lambda: Text(title="", text="", passages=()))

    @property
    def total(self) -> int:
        return len(self.text.passages)

    @property
    def left(self) -> int:
        return self.total - self.done

    def next_chunks(self, count: int) -> Sequence[Chunk]:
        return [self._chunk(p) for p in self.text.passages[self.done : self.done + count]]

    def tokens(self, chunk: Chunk) -> int:
        return self.text.passages[chunk.ordinal].tokens

    def _chunk(self, passage: Passage) -> Chunk:
        return Chunk(
            id=chunk_id(self.document, self.version, passage.ordinal),
            document=self.document,
            version=self.version,
            filename=self.filename,
            title=self.text.title,
            ordinal=passage.ordinal,
            start=passage.start,
            end=passage.end,
            text="",
            heading=tuple(title[:TITLE_LENGTH] for title in passage.heading),
            page=passage.page,
            metadata=self.metadata,
        ).with_text(self.text.text)
