"""What is done to one document: it is deleted with a certificate, proven, read again."""

import json

import pytest

from tests.integration.cli.command import Ended, Quire
from tests.integration.cli.contract import REQUEST_ID
from tests.integration.cli.deployment import CAUSE, READY, Deployment, Json

ERROR = "The qdrant is not available right now."
HOLDS: Json = {
    "expected": 12,
    "rows": 12,
    "points": 12,
    "missing": [],
    "extra": [],
    "holds": True,
}
CERTIFICATE: Json = {
    "document_id": "d-1",
    "filename": "walking.md",
    "removed": {"originals": 1, "texts": 2, "chunks": 1200, "points": 1200, "embeddings": 3},
    "searched": ["S3", "Postgres", "Qdrant"],
    "remains": [],
}
BACKUP: Json = {"what": "backups", "until": "2026-12-01T00:00:00Z", "why": "Neon keeps them"}
TOMBSTONE: Json = {"what": "the name", "until": None, "why": "so that nothing brings it back"}


@pytest.fixture
def walking(deployment: Deployment) -> Json:
    document = deployment.expect("walking.md")
    document |= READY
    return document


@pytest.mark.parametrize("command", [["delete"], ["documents", "delete"]])
async def test_a_deletion_is_certified(
    deployment: Deployment, quire: Quire, walking: Json, command: list[str]
) -> None:
    deployment.results["purge"] = CERTIFICATE
    ended = await quire(*command, "walking.md")
    assert (ended.code, ended.err) == (0, "")
    assert not deployment.documents
    said, table, searched = ended.out.split("\n\n")
    assert said == "walking.md is deleted."
    assert [row.split() for row in table.splitlines()[1:]] == [
        ["originals", "1"],
        ["texts", "2"],
        ["chunks", "1,200"],
        ["points", "1,200"],
        ["embeddings", "3"],
    ]
    assert searched == "Searched: S3, Postgres, Qdrant.\nNothing of it remains.\n"


async def test_what_remains_of_a_document_is_told(
    deployment: Deployment, quire: Quire, walking: Json
) -> None:
    deployment.results["purge"] = CERTIFICATE | {"remains": [BACKUP, TOMBSTONE]}
    ended = await quire("delete", walking["id"])
    lines = [line.rstrip() for line in ended.out.splitlines()]
    assert lines[-4] == "What remains:"
    assert lines[-2].startswith("backups   2026-1")
    assert lines[-2].endswith("  Neon keeps them")
    assert lines[-1].split(maxsplit=4)[2:4] == ["for", "good"]


async def test_a_deletion_that_fails(deployment: Deployment, quire: Quire, walking: Json) -> None:
    deployment.results["purge"], deployment.job_error = {}, ERROR
    ended = await quire("delete", "walking.md")
    (job_id,) = deployment.jobs
    assert ended == Ended(1, "", f"Error: The job {job_id} (purge) failed: {ERROR}\n")


async def test_a_document_is_proven(deployment: Deployment, quire: Quire, walking: Json) -> None:
    deployment.proof = HOLDS
    ended, shown = await quire("proof", "walking.md"), await quire("proof", "--json", walking["id"])
    line = "walking.md holds: 12 chunks expected, 12 rows, 12 points.\n"
    assert ended == Ended(0, line, "")
    assert json.loads(shown.out) == HOLDS


async def test_a_proof_that_does_not_hold_names_chunks(
    deployment: Deployment, quire: Quire, walking: Json
) -> None:
    missing = [f"c-{number}" for number in range(25)]
    deployment.proof = HOLDS | {"points": 0, "missing": missing, "extra": ["x"], "holds": False}
    ended = await quire("proof", "walking.md")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0] == "walking.md does not hold: 12 chunks expected, 12 rows, 0 points."
    assert lines[1] == "missing c-0"
    assert lines[-2:] == ["missing 5 more; --json tells them all", "extra x"]


async def test_documents_are_read_again(
    deployment: Deployment, quire: Quire, walking: Json
) -> None:
    other = deployment.expect("other.md")
    other |= READY
    ended = await quire("reingest", other["id"], "walking.md", "other.md")
    assert ended == Ended(0, "2 ready\n", "")
    # Each once, and neither was taken for ready with its old version.
    assert {document["version"] for document in (walking, other)} == {2}


async def test_one_that_cannot_be_read_again(
    deployment: Deployment, quire: Quire, walking: Json
) -> None:
    deployment.job_error = ERROR
    ended = await quire("reingest", "walking.md")
    assert ended == Ended(1, f"failed walking.md: {CAUSE}\n1 failed\n", "")
    unknown = "0198c6a2-0000-7000-8000-000000000001"
    message = f"There is no such document. (request {REQUEST_ID})"
    assert await quire("reingest", unknown) == Ended(1, "", f"Error: {message}\n")


async def test_nobody_needs_to_wait(quire: Quire, walking: Json) -> None:
    ended = await quire("reingest", "--no-wait", "walking.md")
    assert ended == Ended(0, "walking.md: version 2 is queued.\n", "")
    assert walking["version"] == 1
