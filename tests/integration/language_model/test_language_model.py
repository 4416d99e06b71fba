"""What servers send as a stream, well or ill made, read from a real socket."""

import asyncio
import math

import pytest

from quire import models
from quire.domain import Usage
from quire.errors import Unavailable
from quire.models.language_model import Completion
from tests.integration.language_model.conftest import DONE, Server, asked, chunk, line, told


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
