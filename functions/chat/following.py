"""A turn while it is written: its words are kept as they come, and it may be stopped."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from functions.chat.rendering import citation_json, opening_json, source_json
from functions.chat.turn import Turn
from quire.observability import log
from quire.store.turns import Turns

T = TypeVar("T")

# So that what was shown is stored within a second, the statement's own time included.
_FOLLOW_SECONDS = 0.7


class Follower:
    """`stopped` once somebody asked for that, or the turn was deleted."""

    def __init__(self) -> None:
        self.stopped = False
        self._limit: asyncio.Timeout | None = None

    def until(self, when: float) -> asyncio.Timeout:
        """What waits under this raises TimeoutError at that time of the loop, or when stopped."""
        self._limit = asyncio.timeout_at(0 if self.stopped else when)
        return self._limit

    def stop(self) -> None:
        self.stopped = True
        if self._limit:
            with suppress(RuntimeError):  # nothing waits just now
                self._limit.reschedule(0)


@asynccontextmanager
async def following(turn: Turn, turns: Turns) -> AsyncIterator[Follower]:
    """Keep the turn's words while they come, if anything is kept of it."""
    follower, written = Follower(), asyncio.Event()
    task = None
    if turn.persisted:
        task = asyncio.create_task(_follow(turn, turns, follower, written))
    try:
        yield follower
    finally:
        if task:
            # A statement that is under way ends by itself before the turn's last one begins.
            written.set()
            await asyncio.wait({task})


async def in_time(work: Coroutine[Any, Any, T], until: float) -> T:
    """Do it by then, in the loop's time. Raises TimeoutError.

    What takes longer is left behind: psycopg has who cancels a statement wait for its server, for
    up to ten seconds.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=until - asyncio.get_running_loop().time())
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def _follow(turn: Turn, turns: Turns, follower: Follower, written: asyncio.Event) -> None:
    while not follower.stopped and not await _comes(written, _FOLLOW_SECONDS):
        try:
            goes_on = await turns.show(
                turn.caller,
                question=turn.question_id,
                answer=turn.message,
                opening=opening_json(turn.question, turn.session, turn.message),
                sources=[source_json(source) for source in turn.sources or ()],
                content=turn.citer.text,
                citations=[citation_json(c) for c in turn.citer.citations],
                timeout=turn.left(turn.words_until),
            )
        except Exception as error:
            # Whatever it is, the next attempt may do, and a stop still has to be heard of.
            log.warning("what was shown is not stored yet", exc_info=error)
            continue
        if not goes_on:
            follower.stop()


async def _comes(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
