"""What is answered, a class a schema, most with an example, which is shown and proven to fit."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Fields may be added to any of them."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    example: ClassVar[Any] = None


class Listing(Shape):
    first_id: str | None
    last_id: str | None
    """What to send as `after` for the next page."""
    has_more: bool


def listing(*items: dict[str, Any]) -> dict[str, Any]:
    """An example of a list."""
    return {
        "data": list(items),
        "first_id": items[0]["id"],
        "last_id": items[-1]["id"],
        "has_more": False,
    }


def sometimes() -> Any:
    """A field that is left out where there is nothing to say."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]
