"""`quire ask`: words as they come, and the same in the end as if they had come whole."""

import asyncio
import re
import sys

import pytest

from tests.integration.cli.command import Ended, call, environment
from tests.integration.cli.contract import KEY, REQUEST_ID
from tests.integration.cli.deployment import Deployment, Json
from tests.integration.cli.test_cli import answer

TEXT = "It is a pendulum [3].\n\n  So\u2028it falls [1]. \x1b]0;pwned\x07 机器人🦾 ends. "


@pytest.fixture
def streaming(deployment: Deployment) -> Deployment:
    deployment.answer = answer(3, 1) | {"answer": TEXT}
    deployment.streams = True
    return deployment


async def ask(deployment: Deployment, *arguments: str, at: str | None = None) -> Ended:
    variables = {"QUIRE_URL": deployment.url, "QUIRE_API_KEY": KEY}
    stream_url = deployment.url if at is None else at
    return await call("ask", "Why?", *arguments, **variables, QUIRE_STREAM_URL=stream_url)


def untimed(ended: Ended) -> str:
    return re.sub(r"[\d,]+ ms", "0 ms", ended.out)


async def test_what_is_streamed_is_shown_as_if_it_came_whole(streaming: Deployment) -> None:
    streamed, whole = await ask(streaming), await ask(streaming, at="")
    assert streamed.out.startswith("It is a pendulum [3].\n\n  Soit falls [1]. ]0;pwned 机器人🦾")
    assert untimed(streamed) == untimed(whole)
    assert len(streaming.asked) == 2


async def test_words_are_shown_before_the_last_is_written(streaming: Deployment) -> None:
    streaming.gate = asyncio.Event()
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "ask", "Why?"),
        env=environment(
            QUIRE_URL=streaming.url, QUIRE_STREAM_URL=f"{streaming.url}/", QUIRE_API_KEY=KEY
        ),
        stdout=asyncio.subprocess.PIPE,
    )
    assert command.stdout
    async with asyncio.timeout(20):
        assert await command.stdout.readline() == b"It is a pendulum [3].\n"
    streaming.gate.set()
    rest, _ = await command.communicate()
    assert b"ends." in rest
    assert command.returncode == 0


async def test_where_nothing_streams_the_answer_comes_whole(
    streaming: Deployment, unused_tcp_port: int
) -> None:
    nowhere = await ask(streaming, at=f"http://127.0.0.1:{unused_tcp_port}")
    streaming.streams = False
    no_quire = await ask(streaming)
    for ended in (nowhere, no_quire):
        assert "It is a pendulum [3]." in ended.out
        assert ended.err == ""
    assert len(streaming.asked) == 2


async def test_the_raw_answer_is_whole(streaming: Deployment) -> None:
    streaming.ends = []
    assert (await ask(streaming, "--json")).code == 0


async def test_what_is_cut_short_says_so(streaming: Deployment) -> None:
    streaming.ends = [{"event": "incomplete", "reason": "deadline"}]
    ended = await ask(streaming)
    assert ended.code == 0
    assert ended.out.splitlines()[-1].endswith(" · incomplete")


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (
            [{"event": "error", "problem": {"status": 503, "detail": "No.", "request_id": "7"}}],
            "No. (request 7)",
        ),
        ([], "The connection to {url} broke off; try again."),
    ],
)
async def test_what_goes_wrong_on_the_way_is_one_sentence(
    streaming: Deployment, ends: list[Json], message: str
) -> None:
    streaming.ends = ends
    ended = await ask(streaming)
    assert ended.code == 1
    assert ended.out.endswith("ends. \n"), "the words that came stand on their lines"
    assert ended.err == f"Error: {message.format(url=streaming.url)}\n"


async def test_a_refusal_is_not_asked_again(streaming: Deployment) -> None:
    ended = await ask(streaming, "--session", "another")
    expected = f"Error: There is no such session. (request {REQUEST_ID})\n"
    assert ended == Ended(1, "", expected)
    assert len(streaming.asked) == 1
