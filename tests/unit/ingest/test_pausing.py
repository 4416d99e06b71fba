"""What waits while something is switched off."""

from uuid import uuid4

import pytest

from functions.ingest.messages import Asked, Removal, Upload
from functions.ingest.pausing import parted, waits
from quire.switches import Switches

UPLOAD = Asked(uploads=[Upload(key="uploads/acme/a.md")])
REMOVAL = Asked(removals=[Removal(key="uploads/acme/a.md")])
JOB = Asked(job=("acme", uuid4()))
RECOVER = Asked(recover=True)


@pytest.mark.parametrize(
    ("switches", "waiting"),
    [
        (Switches(), []),
        (Switches(ingestion=False), [UPLOAD]),
        (Switches(suspended=["acme"]), [UPLOAD, JOB]),
        (Switches(suspended=["other"]), []),
        (Switches(read_only=True), [UPLOAD, REMOVAL, JOB, RECOVER]),
    ],
)
def test_what_waits(switches: Switches, waiting: list[Asked]) -> None:
    asked = [UPLOAD, REMOVAL, JOB, RECOVER]
    assert [one for one in asked if waits(one, switches)] == waiting


def test_no_deadline_passes_of_what_is_not_read() -> None:
    watched = {"acme": [uuid4()], "other": [uuid4()]}
    assert parted(watched, Switches()) == (watched, {})
    assert parted(watched, Switches(ingestion=False)) == ({}, watched)
    due, paused = parted(watched, Switches(suspended=["acme"]))
    assert (list(due), list(paused)) == (["other"], ["acme"])
    assert parted(watched, Switches(), {"acme"}) == (due, paused)
