"""When an upload's document may be believed to be done with the bytes that were sent."""

from pathlib import Path

import pytest

from cli.client import Json
from cli.files import File
from cli.upload import Sent, is_settled


def document(status: str, *, sha256: str = "new") -> Json:
    return {"status": status, "sha256": sha256}


def settled(now: Json) -> bool:
    file = File(Path("a.md"), "a.md", 1)
    return is_settled(now, Sent(file=file, sha256="new", document_id="d"))


@pytest.mark.parametrize("status", ["awaiting_upload", "queued", "extracting", "embedding"])
def test_not_while_it_is_on_its_way(status: str) -> None:
    assert not settled(document(status))


@pytest.mark.parametrize("status", ["ready", "failed"])
def test_the_hash_decides(status: str) -> None:
    assert settled(document(status))
    assert not settled(document(status, sha256="old"))


@pytest.mark.parametrize("status", ["deleting", "deleted"])
def test_a_deleted_document_is_waited_for_no_longer(status: str) -> None:
    assert settled(document(status))
