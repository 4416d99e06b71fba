"""Work that outlasts a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`request` is what was asked, `cursor` where the next invocation goes on, `attempts` how
    often its present step was begun.
    """

    id: UUID
    kind: str
    status: str
    done: int
    total: int
    result: Mapping[str, Any] | None
    error: str | None
    document: UUID | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    cursor: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    created_at: datetime
