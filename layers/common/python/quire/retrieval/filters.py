"""What a search is narrowed to, as a caller writes it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

_MOST_VALUES = 500
_MOST_LEVELS = 8

# No NUL: what is asked is kept, and PostgreSQL's jsonb takes none.
_Name = Annotated[str, StringConstraints(max_length=1_024, pattern=r"^[^\x00]*$")]
_Names = Annotated[list[_Name], Field(max_length=100)]


def in_utc(written: Any) -> datetime:
    """Raises ValueError for what is no ISO 8601, or no time in UTC."""
    if isinstance(written, datetime):
        return written
    try:
        time = datetime.fromisoformat(str(written))
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("give a date or a time as in 2025-12-31T23:59:59Z") from None


# A date alone is its midnight in UTC.
_Time = Annotated[datetime, BeforeValidator(in_utc, json_schema_input_type=str)]
# What PostgreSQL's int can count.
_Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, serialize_by_alias=True, validate_by_name=True
    )


class Period(_Part):
    """From `since` on, and before `before`."""

    since: _Time | None = None
    before: _Time | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Period":
        if self.since is None and self.before is None:
            raise ValueError("give since, before or both")
        return self


class Filters(_Part):
    """All of its fields together, any value of each list; without fields, everything.

    `chapter` and `section` are a document's metadata of these names, or headings above a passage:
    the first one, or any. `metadata` has the values that are good for each name. `date` is the
    metadata of this name, in ISO 8601.
    """

    document_id: _Names = []
    filename: _Names = []
    chapter: _Names = []
    section: _Names = []
    version: Annotated[list[_Version], Field(max_length=100)] = []
    metadata: Annotated[dict[_Name, _Names], Field(max_length=20)] = {}
    date: Period | None = None
    every: Annotated[list["Filters"], Field(alias="and")] = []
    some: Annotated[list["Filters"], Field(alias="or")] = []
    none: Annotated[list["Filters"], Field(alias="not")] = []

    @property
    def narrows(self) -> bool:
        return any(value for _, value in self)

    @property
    def nested(self) -> list["Filters"]:
        return [*self.every, *self.some, *self.none]

    @model_validator(mode="after")
    def _bounded(self) -> "Filters":
        if not all(part.narrows for part in self.nested):
            raise ValueError("an empty condition is not allowed within another")
        if _values(self) > _MOST_VALUES:
            raise ValueError(f"{_MOST_VALUES} values at most, all conditions together")
        if _levels(self) > _MOST_LEVELS:
            raise ValueError(f"{_MOST_LEVELS} levels at most")
        return self

    def as_json(self) -> dict[str, Any]:
        """Which `Filters.model_validate` takes back."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _values(filters: Filters) -> int:
    listed = [v for _, v in filters if isinstance(v, list)] + list(filters.metadata.values())
    return sum(map(len, listed)) + sum(map(_values, filters.nested))


def _levels(filters: Filters) -> int:
    return 1 + max(map(_levels, filters.nested), default=0)
