"""What servers send as a stream, well or ill made, read from a real socket."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from quire import models
from quire.domain import Prompt, Usage
from quire.errors import Unavailable
from quire.models.language_model import Completion, LanguageModel

DONE = b"data: [DONE]\n\n"


class Server:
    """Sends `parts` as they are, whatever is asked."""

    def __init__(self) -> None:
        self.parts: Sequence[bytes] = ()
        self.url = ""
        self.lingers = 0.0
        self.clients: set[object] = set()
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request: Request) -> StreamingResponse:
        self.clients.add(request.client)
        return StreamingResponse(self._sent(), media_type="text/event-stream")

    async def _sent(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part
            await asyncio.sleep(0)
        await asyncio.sleep(self.lingers)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    served = uvicorn.Server(uvicorn.Config(made.app, port=0, log_config=None))
    serving = asyncio.create_task(served.serve())
    while not served.started:
        await asyncio.sleep(0.005)
    made.url = f"http://127.0.0.1:{served.servers[0].sockets[0].getsockname()[1]}/v1"
    yield made
    served.should_exit = True
    await serving


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with models.connect(base_url=server.url, api_key="any", timeout=5) as connected:
        yield connected


def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return line({"model": "m-1", "choices": [choice], **more})


def line(sent: object) -> bytes:
    return f"data: {json.dumps(sent)}\n\n".encode()


async def told(server: Server, *parts: bytes) -> tuple[str, Completion]:
    """The text, and how it ended."""
    server.parts = parts
    async with models.connect(base_url=server.url, api_key="any", timeout=5) as client:
        return await asked(client)


async def asked(client: AsyncOpenAI) -> tuple[str, Completion]:
    text = ""
    prompt = Prompt(name="p", hash="h", messages=[{"role": "user", "content": "?"}])
    model = LanguageModel(client, model="m", openai=False)
    async for piece in model.stream(prompt, max_tokens=9, temperature=None, seed=1):
        if isinstance(piece, Completion):
            return text, piece
        text += piece
    raise AssertionError("it ended without a completion")


async def test_a_stream_is_its_text_and_how_it_ended(server: Server) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    counted = line({"model": "m-1", "choices": [], "usage": usage})
    text, completion = await told(
        server, chunk("Gears "), chunk("wear."), chunk("", "stop"), counted
    )
    assert text == "Gears wear."
    assert completion == Completion(
        model="m-1", finish_reason="stop", usage=Usage(prompt_tokens=3, completion_tokens=2)
    )


async def test_one_connection_serves_answer_after_answer(server: Server) -> None:
    server.parts = (chunk("Gears", "stop"), DONE)
    async with models.connect(base_url=server.url, api_key="any", timeout=5) as client:
        for _ in range(3):
            assert (await asked(client))[0] == "Gears"
    assert len(server.clients) == 1


async def test_who_does_not_end_after_the_last_word_is_not_waited_for(server: Server) -> None:
    server.parts = (chunk("Gears", "stop"), DONE)
    server.lingers = 5.0
    async with asyncio.timeout(4.5):
        assert (await told(server, *server.parts))[0] == "Gears"


@pytest.mark.parametrize("counted", [{}, {"prompt_tokens": -1}, {"completion_tokens": 10**30}])
async def test_what_it_did_not_count_is_not_nothing(
    server: Server, counted: dict[str, int]
) -> None:
    said = chunk("Gears", "stop", usage=counted)
    assert (await told(server, said, DONE))[1].usage is None


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [chunk("Gears"), chunk(" we")],
        [chunk("Gears"), DONE],
        [b"<!doctype html><title>Sign in</title>\n"],
        [chunk("Gears"), b'data: {"choices": [{"delta": {"con\n\n'],
        [chunk("Gears"), line({"error": {"message": "overloaded"}}), chunk("", "stop")],
        [line({"choices": [{"delta": {"content": ["Gears"]}, "finish_reason": "stop"}]})],
        [line("Gears"), chunk("", "stop")],
        [line({"choices": 5}), chunk("", "stop")],
        [b"data: \xff\n\n", chunk("", "stop")],
        [b'data: {"choices": ' + b"[" * 100_000 + b"\n\n", chunk("", "stop")],
        [chunk("Gears", "stop", usage={"prompt_tokens": math.inf}), DONE],
    ],
)
async def test_what_breaks_off_or_is_no_stream_is_not_an_answer(
    server: Server, parts: list[bytes]
) -> None:
    with pytest.raises(Unavailable, match="model"):
        await told(server, *parts)


async def test_what_says_nothing_is_passed_over(server: Server) -> None:
    text, _ = await told(
        server,
        b": comment\n\n",
        line({"choices": None}),
        line({"choices": [{"delta": None}], "error": None}),
        chunk("Gears", usage=None),
        chunk(None, "stop"),
        DONE,
    )
    assert text == "Gears"


async def test_a_line_ends_where_the_server_ends_it(server: Server) -> None:
    """Not at what Unicode calls the end of one, nor where the network cuts."""
    written = "a\u2028b\u2029c\x85d\x0be"
    sent = chunk("X", "stop").replace(b"X", written.encode()).replace(b"\n", b"\r\n")
    sent = sent.replace(b"\x0b", b"\\u000b")
    parts = [sent[at : at + 7] for at in range(0, len(sent), 7)]
    assert (await told(server, *parts, DONE))[0] == written


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["grip \ud83e", "\uddbe holds"], "grip 🦾 holds"),
        (["\ud83e\uddbe", "!"], "🦾!"),
        (["\ud83e", "!"], "\ufffd!"),
        (["a\uddbe", "!"], "a\ufffd!"),
        (["gears\0", "\0", " wear"], "gears wear"),
        (["gears\ud83e"], "gears"),
    ],
)
async def test_what_is_written_can_be_stored(server: Server, pieces: list[str], text: str) -> None:
    sent = [chunk(piece) for piece in pieces]
    assert (await told(server, *sent, chunk("", "stop"), DONE))[0] == text


WORDS = st.text(st.characters() | st.sampled_from("\0\ud83e\uddbe\u2028\x85\n\r"), max_size=20)
ODD: list[Any] = [None, "", "x", [], {}, [None], -1, 1e400, float("nan"), 10**30, True]


@st.composite
def cut(draw: st.DrawFn, sent: bytes) -> list[bytes]:
    """The same bytes in pieces, as the network may bring them."""
    at = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    return [sent[a:b] for a, b in pairwise([0, *at, len(sent)]) if a < b]


@st.composite
def odd_chunks(draw: st.DrawFn) -> bytes:
    """A chunk in which one thing is not as it is."""
    sent = json.loads(chunk("Gears", draw(st.sampled_from([None, "stop"]))).removeprefix(b"data:"))
    sent["usage"] = {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}
    inside = draw(
        st.sampled_from(
            [
                *(sent, sent["choices"], sent["choices"][0], sent["choices"][0]["delta"]),
                *(sent["usage"], sent["usage"]["prompt_tokens_details"]),
            ]
        )
    )
    names = [0] if isinstance(inside, list) else [*inside, "error"]
    inside[draw(st.sampled_from(names))] = draw(st.sampled_from(ODD))
    return line(sent)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=5), st.sampled_from([b"\n", b"\r\n"]), st.data())
async def test_it_does_not_matter_where_a_stream_is_cut(
    server: Server, client: AsyncOpenAI, words: list[str], ending: bytes, data: st.DataObject
) -> None:
    sent = b": waits\n\n".join([*map(chunk, words), chunk("", "stop"), DONE])
    server.parts = data.draw(cut(sent.replace(b"\n", ending)))
    text, completion = await asked(client)
    written = "".join(words).replace("\0", "").encode("utf-16-le", "surrogatepass")
    expected = written.decode("utf-16-le", "replace")
    # Half a character at the very end has nothing left to be completed by.
    assert text in (expected, expected.removesuffix("\ufffd"))
    assert completion.finish_reason == "stop"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(odd_chunks() | st.binary(max_size=50) | st.just(DONE), max_size=4),
    st.data(),
)
async def test_whatever_a_server_sends_is_an_answer_that_can_be_kept_or_none(
    server: Server, client: AsyncOpenAI, sent: list[bytes], data: st.DataObject
) -> None:
    server.parts = data.draw(cut(b"".join([*sent, chunk("!", "stop"), DONE])))
    try:
        text, completion = await asked(client)
    except Unavailable:
        return
    for kept in (text, completion.model, completion.finish_reason):
        assert "\0" not in kept.encode().decode()
    for counted in asdict(completion.usage).values() if completion.usage else ():
        assert 0 <= counted <= models.MOST_TOKENS
