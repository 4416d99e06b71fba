"""What a point tells of its passage, to be found by."""

from uuid import UUID

import pytest

from quire.domain import Chunk
from quire.retrieval.points import as_payload


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("2024-02-29", "2024-02-29T00:00:00+00:00"),
        ("2024-02-29T12:00:00+01:00", "2024-02-29T11:00:00+00:00"),
        ("2024-01-01T00:00:00+00:00:30", "2023-12-31T23:59:30+00:00"),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("one day", None),
        ("", None),
    ],
)
def test_a_date_is_a_time_in_utc_or_none(written: str, told: str | None) -> None:
    chunk = Chunk(
        id=UUID(int=1),
        document=UUID(int=2),
        version=1,
        filename="one.md",
        title="One",
        ordinal=0,
        start=0,
        end=4,
        text="One.",
        heading=(),
        metadata={"date": written},
    )
    payload = as_payload("t", chunk)
    assert (payload["date"], payload["metadata"]) == (told, {"date": written})
