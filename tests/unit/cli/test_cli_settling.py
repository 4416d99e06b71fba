"""When an upload's document may be believed to be done with the bytes that were sent."""

from pathlib import Path

import pytest

from cli.client import Json
from cli.files import File
from cli.upload import UNCHANGED_SECONDS, Sent, is_settled

BEFORE, AFTER = "2026-11-21T10:00:00Z", "2026-11-21T10:00:01Z"


def document(status: str, *, updated_at: str = AFTER, sha256: str | None = None) -> Json:
    metadata = {"sha256": sha256} if sha256 else {}
    return {"status": status, "updated_at": updated_at, "metadata": metadata}


def settled(now: Json, *, waited: float = 0) -> bool:
    file = File(Path("a.md"), "a.md", 1)
    before = document("ready", updated_at=BEFORE)
    return is_settled(now, Sent(file=file, sha256="new", before=before, at=0), waited=waited)


@pytest.mark.parametrize("status", ["awaiting_upload", "queued", "extracting", "embedding"])
def test_not_while_it_is_on_its_way(status: str) -> None:
    assert not settled(document(status, sha256="new"), waited=1e9)


@pytest.mark.parametrize("status", ["ready", "failed"])
def test_the_hash_decides_where_it_is_known(status: str) -> None:
    assert settled(document(status, updated_at=BEFORE, sha256="new"))
    assert not settled(document(status, sha256="old"), waited=1e9)


@pytest.mark.parametrize("status", ["ready", "failed"])
def test_without_a_hash_a_change_or_patience_decides(status: str) -> None:
    assert settled(document(status))
    assert not settled(document(status, updated_at=BEFORE))
    assert settled(document(status, updated_at=BEFORE), waited=UNCHANGED_SECONDS + 1)


def test_a_deleted_document_is_waited_for_no_longer() -> None:
    assert settled(document("deleting"))
    assert settled(document("deleted"))
