"""When a document may be believed to be done with what was waited for."""

import pytest

from cli.client import Json
from cli.watch import Awaited, is_settled


def document(status: str, *, sha256: str = "new") -> Json:
    return {"status": status, "sha256": sha256}


def settled(now: Json) -> bool:
    awaited = Awaited(filename="a", document_id="d", is_new=lambda seen: seen["sha256"] == "new")
    return is_settled(now, awaited)


@pytest.mark.parametrize("status", ["awaiting_upload", "queued", "extracting", "embedding"])
def test_not_while_it_is_on_its_way(status: str) -> None:
    assert not settled(document(status))


@pytest.mark.parametrize("status", ["ready", "failed"])
def test_not_with_what_was_there_before(status: str) -> None:
    assert settled(document(status))
    assert not settled(document(status, sha256="old"))


@pytest.mark.parametrize("status", ["deleting", "deleted"])
def test_a_deleted_document_is_waited_for_no_longer(status: str) -> None:
    assert settled(document(status))
