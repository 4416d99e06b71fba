"""What a stored turn shows to who resumes it, from any id on."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from functions.chat.streaming import replayed
from quire.domain import StoredTurn
from quire.errors import Unavailable
from quire.web.problems import describe

WORDS = "Joints use it."
TURN = StoredTurn(
    message=uuid4(),
    session=uuid4(),
    status="complete",
    content=WORDS,
    citations=[],
    opening={"question": "Why?"},
    sources=[],
    outcome={"event": "response_complete", "grounded": False},
)
CRASHED = replace(TURN, status="incomplete", outcome=None)
SCOPE: dict[str, Any] = {"path": "/", "state": {"request_id": "1", "dialect": None}}
Event = dict[str, Any]


async def resumed(
    turn: StoredTurn | Callable[[], Awaitable[StoredTurn]], after: int, *, seconds: float = 60
) -> list[Event]:
    async def find() -> StoredTurn:
        return turn if isinstance(turn, StoredTurn) else await turn()

    until = asyncio.get_running_loop().time() + seconds
    told = replayed(find, after=after, until=until, problem=partial(describe, SCOPE))
    return [_event(frame) async for frame in told]


def _event(frame: bytes) -> Event:
    fields = dict(line.split(": ", 1) for line in frame.decode().splitlines() if line)
    number = int(fields["id"]) if "id" in fields else None
    return {**json.loads(fields["data"]), "id": number}


async def test_who_saw_more_than_was_stored_is_told_of_the_crash() -> None:
    stored = (await resumed(CRASHED, 0))[-1]["id"]
    assert stored == 2 + len(WORDS) + 1
    (end,) = await resumed(CRASHED, stored + 20)
    assert (end["event"], end["reason"], end["id"]) == ("incomplete", "crash", stored + 21)


async def test_an_error_on_the_way_takes_no_events_place() -> None:
    looks = iter([replace(TURN, status="generating", outcome=None)])

    async def find() -> StoredTurn:
        if turn := next(looks, None):
            return turn
        raise Unavailable("postgres")

    *shown, error = await resumed(find, 0)
    assert (error["event"], error["id"]) == ("error", None)
    (end,) = await resumed(TURN, shown[-1]["id"])
    assert end["event"] == "response_complete"


async def test_a_failed_turn_tells_its_problem() -> None:
    failed = replace(TURN, status="failed", content="", sources=None)
    for stored, status in (({"dependency": "qdrant"}, 503), ({}, 500), ({"detail": "old"}, 500)):
        outcome = {"event": "error", **stored}
        opening, error = await resumed(replace(failed, outcome=outcome), 0)
        assert opening["event"] == "retrieval_start"
        assert error["event"] == "error"
        assert error["problem"]["status"] == status
        assert error["problem"].get("dependency") == stored.get("dependency")


async def test_who_follows_breaks_off_in_time() -> None:
    generating = replace(TURN, status="generating", outcome=None)
    async with asyncio.timeout(30):
        events = await resumed(generating, 0, seconds=0.1)
    assert events[-1]["event"] == "response_chunk"
