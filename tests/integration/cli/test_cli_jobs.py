"""Jobs: started, waited for, looked at again; and what is said of each kind."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from tests.integration.cli.command import Ended, Quire, call, environment
from tests.integration.cli.contract import KEY, READING_KEY, REQUEST_ID
from tests.integration.cli.deployment import Deployment, Json, Stored

ERROR = "The qdrant is not available right now."
BROKEN: Json = {"document_id": "d-1", "filename": "walking.md", "missing": 3, "extra": 1}
RECONCILED: Json = {"documents": 7, "holding": 5, "mended": 2, "failed": []}
REBUILT: Json = {
    "collection": "quire-2",
    "model": "wide",
    "dimensions": 768,
    "documents": 7,
    "chunks": 1200,
    "dropped": "quire-1",
}
REDRIVEN: Json = {"moved": 4, "causes": {"timeout": 1, "qdrant": 3}}


async def test_what_does_not_hold_is_mended(deployment: Deployment, quire: Quire) -> None:
    deployment.results["reconcile"] = RECONCILED
    ended = await quire("reconcile")
    assert ended == Ended(0, "7 documents: 5 hold, 2 mended, 0 failed.\n", "")
    assert deployment.asked == [{"kind": "reconcile"}]


async def test_what_could_not_be_mended_is_named(deployment: Deployment, quire: Quire) -> None:
    deployment.results["reconcile"] = RECONCILED | {"mended": 1, "failed": [BROKEN]}
    ended = await quire("reconcile")
    assert ended.code == 1
    counts, names, row = ended.out.splitlines()
    assert counts == "7 documents: 5 hold, 1 mended, 1 failed."
    assert names.split() == ["filename", "missing", "extra", "id"]
    assert row.split() == ["walking.md", "3", "1", "d-1"]


async def test_an_index_is_rebuilt_for_another_model(deployment: Deployment, quire: Quire) -> None:
    deployment.results["rebuild"] = REBUILT
    ended = await quire("rebuild", "--model", "wide", "--dimensions", "768")
    live = "quire-2 is live: 7 documents, 1,200 chunks, wide in 768 dimensions."
    assert ended == Ended(0, f"{live}\nquire-1 is dropped.\n", "")
    assert deployment.asked == [{"kind": "rebuild", "model": "wide", "dimensions": 768}]


async def test_a_model_needs_its_dimensions(quire: Quire) -> None:
    assert (await quire("rebuild", "--model", "wide")).code == 2


async def test_messages_are_redriven(deployment: Deployment, quire: Quire) -> None:
    deployment.results["redrive"] = REDRIVEN
    ended = await quire("redrive")
    moved, names, *rows = ended.out.splitlines()
    assert moved == "4 messages go to the queue again."
    assert names.split() == ["moved", "cause"]
    assert [row.split() for row in rows] == [["3", "qdrant"], ["1", "timeout"]]


@pytest.mark.parametrize("kind", ["reconcile", "rebuild", "redrive"])
async def test_a_job_that_fails_says_why(deployment: Deployment, quire: Quire, kind: str) -> None:
    deployment.results[kind], deployment.job_error = {}, ERROR
    ended, shown = await quire(kind), await quire(kind, "--json")
    first, second = deployment.jobs
    assert ended == Ended(1, "", f"Error: The job {first} ({kind}) failed: {ERROR}\n")
    assert (shown.code, shown.err) == (1, "")
    assert json.loads(shown.out) == deployment.jobs[second].shown


@pytest.mark.parametrize("arguments", [["reconcile"], ["rebuild"], ["redrive"], ["jobs"]])
async def test_a_key_without_the_scope(deployment: Deployment, arguments: list[str]) -> None:
    ended = await call(*arguments, QUIRE_URL=deployment.url, QUIRE_API_KEY=READING_KEY)
    message = f"This key lacks the scope 'admin'. (request {REQUEST_ID})"
    assert ended == Ended(1, "", f"Error: {message}\n")


async def test_jobs_are_listed_with_the_causes_of_those_that_failed(
    deployment: Deployment, quire: Quire
) -> None:
    assert (await quire("jobs")).out == "There are no jobs.\n"
    deployment.results = {"redrive": REDRIVEN, "rebuild": {}}
    await quire("redrive")
    deployment.job_error = ERROR
    await quire("rebuild")
    redrive, rebuild = deployment.jobs
    names, *rows, cause = (await quire("jobs")).out.splitlines()
    assert names.split() == ["id", "kind", "status", "progress"]
    assert [row.split() for row in rows] == [
        [redrive, "redrive", "done", "4/4"],
        [rebuild, "rebuild", "failed", "1/4"],
    ]
    assert cause == f"failed {rebuild}: {ERROR}"
    assert len(json.loads((await quire("jobs", "--json")).out)["data"]) == 2


async def test_a_job_is_looked_at_then_waited_for(deployment: Deployment, quire: Quire) -> None:
    deployment.results["redrive"] = REDRIVEN
    job_id = deployment.begin("redrive")
    once, waited = await quire("job", job_id), await quire("job", job_id, "--wait")
    shown = dict(line.split() for line in once.out.splitlines())
    assert shown == {"id": job_id, "kind": "redrive", "status": "running", "progress": "1/4"}
    assert waited.out.startswith("4 messages go")
    unknown = await quire("job", "0")
    assert unknown == Ended(1, "", f"Error: There is no such job. (request {REQUEST_ID})\n")


async def test_who_stops_waiting_is_told_how_to_look_again(deployment: Deployment) -> None:
    deployment.results["reconcile"], deployment.stuck = {}, True
    ended = await interrupted("reconcile", when=deployment.jobs, url=deployment.url)
    (job_id,) = deployment.jobs
    hint = f"The job goes on; `quire job {job_id} --wait` looks again.\n"
    assert ended == Ended(130, "", hint)


async def test_ingestion_goes_on_without_who_waited(deployment: Deployment, book: Path) -> None:
    deployment.stuck = True
    file = str(book / "walking.md")
    ended = await interrupted("upload", file, when=deployment.documents, url=deployment.url)
    hint = "Ingestion goes on; `quire documents` tells how far it is.\n"
    assert ended == Ended(130, "", hint)


async def interrupted(*arguments: str, when: dict[str, Stored], url: str) -> Ended:
    """The command, which gets a Ctrl-C when it has looked at what it waits for."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        env=environment(QUIRE_URL=url, QUIRE_API_KEY=KEY),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    while not when or not all(stored.looks for stored in when.values()):
        await asyncio.sleep(0.01)
    command.send_signal(signal.SIGINT)
    out, err = await command.communicate()
    return Ended(command.returncode or 0, out.decode(), err.decode())
