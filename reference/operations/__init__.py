"""What is said of each endpoint; what a function's routes say themselves is not said again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from reference.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an answer holds. Without a shape it is text; a stream's is that of an event's data."""

    example: Any
    shape: type[BaseModel] | None = None
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An endpoint in a few words.

    `asks` is an example of its request; `answers`, with `headers`, is what it answers when all is
    well, in one media type or more. `otherwise` are other answers that are no errors, by status;
    `errors` the statuses of those that do not follow from how it is asked.
    """

    summary: str
    description: str
    asks: Mapping[str, Any] | None = None
    answers: Sequence[Content] = ()
    headers: Sequence[str] = ()
    otherwise: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    errors: Sequence[int] = ()


def json(shape: type[Shape]) -> Sequence[Content]:
    return [Content(shape=shape, example=shape.example)]


# By method and path, as in "GET /v1/models".
Operations = Mapping[str, Operation]
