"""A turn while it is written: its words are kept as they come, and it may be stopped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from functions.chat.rendering import citation_json, opening_json, source_json
from functions.chat.turn import Turn
from quire.observability import log
from quire.store.turns import Turns

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
    follower = Follower()
    task = asyncio.create_task(_follow(turn, turns, follower)) if turn.persisted else None
    try:
        yield follower
    finally:
        if task:
            task.cancel()
            # A statement that is under way ends before the turn's last one begins.
            await asyncio.wait({task})


async def _follow(turn: Turn, turns: Turns, follower: Follower) -> None:
    while not follower.stopped:
        await asyncio.sleep(_FOLLOW_SECONDS)
        try:
            goes_on = await turns.show(
                turn.caller,
                question=turn.question_id,
                answer=turn.message,
                opening=opening_json(turn.question, turn.session, turn.message),
                sources=[source_json(source) for source in turn.sources or ()],
                content=turn.citer.text,
                citations=[citation_json(c) for c in turn.citer.citations],
            )
        except Exception as error:
            # Whatever it is, the next attempt may do, and a stop still has to be heard of.
            log.warning("what was shown is not stored yet", exc_info=error)
            continue
        if not goes_on:
            follower.stop()
