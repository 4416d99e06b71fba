"""What a caller may write to narrow a search, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from quire.retrieval.filters import Filters


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"document_id": ["d"], "filename": ["a.md"], "version": [1, 2]},
        {"metadata": {"author": ["A", "B"]}, "chapter": ["1"], "section": ["s"]},
        {"date": {"since": "2025-01-01T00:00:00Z"}},
        {"and": [{"filename": ["a"]}], "or": [{"version": [1]}, {"not": [{"chapter": ["x"]}]}]},
    ],
)
def test_what_is_written_is_what_is_kept(written: dict[str, Any]) -> None:
    filters = Filters.model_validate(written)
    assert filters.as_json() == written
    assert Filters.model_validate(filters.as_json()) == filters
    assert filters.narrows == bool(written)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2025-03-01", "2025-03-01T00:00:00Z"),
        ("2025-03-01T10:00:00+02:00", "2025-03-01T08:00:00Z"),
    ],
)
def test_times_are_utc(written: str, kept: str) -> None:
    assert Filters.model_validate({"date": {"before": written}}).as_json() == {
        "date": {"before": kept}
    }


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"filename": ["a"]}
    for _ in range(levels - 1):
        inner = {"and": [inner]}
    return inner


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ({"author": ["me"]}, "Extra inputs"),
        ({"version": ["1"]}, "valid integer"),
        ({"filename": "a.md"}, "valid list"),
        ({"filename": ["a\0"]}, "pattern"),
        ({"filename": ["\ud800"]}, "unicode"),
        ({"date": {"since": "soon"}}, "give a date"),
        ({"date": {"since": "2020"}}, "give a date"),
        ({"date": {"since": 1577836800}}, "give a date"),
        ({"date": {"since": "0001-01-01T00:00:00+14:00"}}, "give a date"),
        ({"date": {"before": "9999-12-31T23:59:59-14:00"}}, "give a date"),
        ({"version": [2**31]}, "less than or equal"),
        ({"version": [0]}, "greater than or equal"),
        ({"date": {}}, "since, before or both"),
        ({"date": {"after": "2025-01-01"}}, "Extra inputs"),
        ({"or": [{}]}, "empty condition"),
        ({"not": [{"filename": []}]}, "empty condition"),
        ({"and": [{"filename": ["a"] * 100}] * 6}, "500 values"),
        ({"metadata": {"a": ["x"] * 100, "b": ["x"] * 101}}, "at most 100"),
        (nested(9), "8 levels"),
    ],
)
def test_what_cannot_be_asked_is_refused(refused: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Filters.model_validate(refused)


def test_the_deepest_that_is_allowed() -> None:
    assert Filters.model_validate(nested(8)).narrows
