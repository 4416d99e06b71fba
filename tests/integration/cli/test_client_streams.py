"""What answers a stream, Quire or not: events, or one sentence."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.client import Failed, Json, Quire

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
EVENTS: list[Json] = [
    {"event": "retrieval_start", "question": "Why?"},
    {"event": "retrieval_complete", "sources": []},
    {"event": "response_chunk", "text": "a\u2028b\x85c 机器人"},
]
END: Json = {"event": "response_complete", "citations": []}
ERROR: Json = {"event": "error", "problem": {"detail": "No.", "status": 503}}
ODD: list[Any] = [None, "", "x", [], {}, 1, True, "response_chunk", "error"]


class Server:
    """Sends those bytes, in those pieces, to whoever connects."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in (HEAD, *self.parts):
            writer.write(part)
            await asyncio.sleep(0)
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, Quire]]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening, Quire(url, key=None, user=None, stream_url=url) as quire:
        yield made, quire


def frame(event: Any, name: str = "x") -> bytes:
    return f"event: {name}\ndata: {json.dumps(event, ensure_ascii=False)}\nid: 1\n\n".encode()


@st.composite
def cut(draw: st.DrawFn, sent: bytes) -> list[bytes]:
    at = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=9)))
    return [sent[a:b] for a, b in pairwise([0, *at, len(sent)]) if a < b]


async def told(quire: Quire) -> list[Json]:
    return [event async for event in quire.stream("/v1/chat/stream", {})]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(EVENTS), max_size=4), st.data())
async def test_it_does_not_matter_where_events_are_cut(
    server: tuple[Server, Quire], events: list[Json], data: st.DataObject
) -> None:
    sent = b": comment\n\n".join(map(frame, [*events, END]))
    server[0].parts = data.draw(cut(sent))
    assert await told(server[1]) == [*events, END]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_what_is_no_event_is_one_sentence(
    server: tuple[Server, Quire], data: st.DataObject
) -> None:
    odd = dict(data.draw(st.sampled_from([*EVENTS, ERROR])))
    odd[data.draw(st.sampled_from(list(odd)))] = data.draw(st.sampled_from(ODD))
    sent = [frame(odd), frame(data.draw(st.sampled_from(ODD))), data.draw(st.binary(max_size=40))]
    server[0].parts = data.draw(cut(b"".join([*data.draw(st.permutations(sent)), b"\n\n"])))
    with pytest.raises(Failed):
        await told(server[1])
