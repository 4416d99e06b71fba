"""A turn's events on the wire: named Server-Sent Events with rising ids.

An event's id counts what was shown up to it: one for each character of the answer, one for every
other event. So a stored message is all that it takes to go on after any id.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from functions.chat.events import (
    Cited,
    Event,
    Incomplete,
    ResponseChunk,
    ResponseComplete,
    RetrievalComplete,
    RetrievalStart,
)
from functions.chat.rendering import citation_json, opening_json, outcome_json, source_json
from quire.domain import StoredTurn
from quire.errors import QuireError, Unavailable

HEARTBEAT_SECONDS = 10.0
_HEARTBEAT = b": still here\n\n"
_LOOK_SECONDS = 0.5

Named = tuple[str, Mapping[str, Any]]
Problem = Callable[[Exception], dict[str, Any]]
T = TypeVar("T")


async def frames(events: AsyncIterator[Event], *, problem: Problem) -> AsyncIterator[bytes]:
    """The events as bytes. An error ends the stream, in the shape that `problem` gives it."""
    shown = 0
    try:
        async for event in events:
            name, data = _named(event)
            shown += _length(name, data)
            yield _frame(name, data, shown)
    except Exception as error:
        yield _frame("error", {"problem": problem(error)}, shown + 1)


async def replayed(
    find: Callable[[], Awaitable[StoredTurn]], *, after: int, until: float, problem: Problem
) -> AsyncIterator[bytes]:
    """What a turn shows after that id, from what is stored, and on until it ends.

    At `until`, in the loop's time, it breaks off: who follows goes on after the last id. So they do
    after an error on our side, which is no event of the turn and has no id.
    """
    now = asyncio.get_running_loop().time
    try:
        while True:
            turn = await find()
            events, shown = list(_stored(turn, problem)), 0
            if turn.outcome is not None:
                # Who has seen the end, or says so, is told it again: every stream has one.
                after = min(after, sum(_length(*event) for event in events) - 1)
            for name, data in events:
                begin, shown = shown, shown + _length(name, data)
                if shown > after:
                    if name == "response_chunk" and begin < after:
                        data = {"text": data["text"][after - begin :]}
                    yield _frame(name, data, shown)
                    after = shown
            if turn.status == "incomplete" and turn.outcome is None:
                # More may have been seen of it than its worker had time to store.
                yield _frame("incomplete", _crash(turn), after + 1)
            if turn.status != "generating" or now() + _LOOK_SECONDS > until:
                return
            await asyncio.sleep(_LOOK_SECONDS)
    except QuireError as error:
        yield _frame("error", {"problem": problem(error)})


_running: set[asyncio.Task[None]] = set()


def event_stream(frames: AsyncIterator[bytes], *, to_the_end: bool = True) -> StreamingResponse:
    """The answer that nobody on the way should store or hold back.

    Whoever reads it may go away, even before the first: `to_the_end`, the frames are still
    produced to the last; else no more of them are.
    """
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def run() -> None:
        try:
            async for frame in frames:
                waiting.put_nowait(frame)
        finally:
            waiting.put_nowait(None)

    task = asyncio.create_task(run())
    # The loop itself keeps no task alive.
    _running.add(task)
    task.add_done_callback(_running.discard)
    return _Told(
        _bridged(waiting),
        None if to_the_end else task,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


class _Told(StreamingResponse):
    def __init__(
        self, content: AsyncIterator[bytes], task: asyncio.Task[None] | None, **more: Any
    ) -> None:
        """The `task` is over when this is told, or is not to be told any further."""
        super().__init__(content, **more)
        self._task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._task:
                # Once it has begun, so that it ends what it has begun with.
                asyncio.get_running_loop().call_soon(self._task.cancel)


async def _bridged(waiting: "asyncio.Queue[bytes | None]") -> AsyncIterator[bytes]:
    """The same, with a comment whenever there was nothing to tell for a while, so that nobody in
    between hangs up.
    """
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                ready = [await waiting.get()]
        except TimeoutError:
            yield _HEARTBEAT
            continue
        # What is there already goes in one piece: each costs a call of the system.
        while not waiting.empty():
            ready.append(waiting.get_nowait())
        if told := b"".join(filter(None, ready)):
            yield told
        if ready[-1] is None:
            return


def _named(event: Event) -> Named:
    match event:
        case RetrievalStart():
            return "retrieval_start", opening_json(event.question, event.session, event.message)
        case RetrievalComplete():
            sources = [source_json(source) for source in event.sources]
            return "retrieval_complete", {"sources": sources}
        case ResponseChunk():
            return "response_chunk", {"text": event.text}
        case Cited():
            return "citation", citation_json(event.citation)
        case ResponseComplete():
            return "response_complete", outcome_json(event.outcome)
        case Incomplete():
            return "incomplete", {"reason": event.reason, **outcome_json(event.outcome)}


def _stored(turn: StoredTurn, problem: Problem) -> Iterator[Named]:
    """What was shown of a turn by now."""
    if turn.opening is not None:
        yield "retrieval_start", turn.opening
    if turn.sources is not None and turn.opening is not None:
        yield "retrieval_complete", {"sources": turn.sources}
    shown = 0
    for citation in turn.citations:
        if citation["marker_end"] > shown:
            yield "response_chunk", {"text": turn.content[shown : citation["marker_end"]]}
            shown = citation["marker_end"]
        yield "citation", citation
    if shown < len(turn.content):
        yield "response_chunk", {"text": turn.content[shown:]}
    if turn.outcome is not None:
        outcome = dict(turn.outcome)
        name = outcome.pop("event")
        yield name, {"problem": problem(_failure(outcome))} if name == "error" else outcome


def _failure(outcome: Mapping[str, Any]) -> Exception:
    if dependency := outcome.get("dependency"):
        return Unavailable(dependency)
    return RuntimeError("this turn failed when it was answered")


def _crash(turn: StoredTurn) -> Mapping[str, Any]:
    ids = {"session_id": str(turn.session), "message_id": str(turn.message)}
    return {"reason": "crash", **ids}


def _length(name: str, data: Mapping[str, Any]) -> int:
    return len(data["text"]) if name == "response_chunk" else 1


def _frame(name: str, data: Mapping[str, Any], number: int | None = None) -> bytes:
    body = json.dumps({"event": name, **data}, ensure_ascii=False, separators=(",", ":"))
    return format_sse_event(data_str=body, event=name, id=None if number is None else str(number))
