"""Dead letters that ask for more than one thing, or for what has ended."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

from functions.ingest.redriving import Redrive
from tests.e2e.conftest import event
from tests.integration.jobs.conftest import Asked, Parts, held


@pytest.fixture
def queues(ask: Callable[[], Asked]) -> Mapping[str, Asked]:
    return {name: ask() for name in ("dead", "documents_queue", "maintenance")}


@pytest.fixture
def redrive(parts: Parts, queues: Mapping[str, Asked]) -> Redrive:
    return Redrive(
        **{name: asked.queue for name, asked in queues.items()},
        documents=parts.documents,
        jobs=parts.jobs,
    )


async def moved(parts: Parts, redrive: Redrive, tenant: str) -> Any:
    job = await held(parts, tenant, "redrive", {})
    step = await redrive.step(tenant, job, until=time.monotonic() + 5)
    assert step.result is not None
    return step.result["moved"]


async def test_of_a_letter_with_both_nothing_is_lost(
    parts: Parts, redrive: Redrive, queues: Mapping[str, Asked], tenant: str
) -> None:
    put = event("ObjectCreated:Put", f"uploads/{tenant}/a.md", sequencer="0B")
    gone = event("ObjectRemoved:Delete", f"uploads/{tenant}/b.md", sequencer="0C")
    both = {"Records": [*put["Records"], *gone["Records"]]}
    await queues["dead"].queue.bury(json.dumps(both), cause="away")
    assert await moved(parts, redrive, tenant) == 1
    assert queues["documents_queue"].now() == [both]


@pytest.mark.parametrize("status", ["running", "failed", "gone"])
async def test_of_a_jobs_letter_only_a_living_job_is_moved(
    parts: Parts, redrive: Redrive, queues: Mapping[str, Asked], tenant: str, status: str
) -> None:
    job = uuid4() if status == "gone" else await parts.jobs.request(tenant, "reconcile", {})
    if status == "failed":
        await parts.jobs.fail(tenant, job, "It is over.")
    letter = {"job": {"tenant": tenant, "id": str(job)}}
    await queues["dead"].queue.bury(json.dumps(letter), cause="away")
    alive = status == "running"
    assert await moved(parts, redrive, tenant) == int(alive)
    assert queues["maintenance"].now() == ([letter] if alive else [])
    assert queues["dead"].now() == []


async def test_a_letter_is_waited_for(queues: Mapping[str, Asked]) -> None:
    dead = queues["dead"].queue
    await dead.send({"recover": True}, delay=1)
    assert len(await dead.receive()) == 1
