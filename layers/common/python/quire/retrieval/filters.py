"""What a search is narrowed to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a search is narrowed to: any of each, all of them."""

    documents: Sequence[UUID] = ()
    filenames: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "document_id": [str(document) for document in self.documents],
            "filename": list(self.filenames),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Filters":
        return cls(documents=[UUID(d) for d in kept["document_id"]], filenames=kept["filename"])
