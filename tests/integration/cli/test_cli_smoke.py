"""`quire smoke` where something is wrong: which step fails, what to do, and nothing left behind.

tests/e2e/test_smoke.py has it succeed.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.integration.cli.command import Ended, call, environment
from tests.integration.cli.contract import KEY
from tests.integration.cli.deployment import Deployment
from tests.integration.cli.test_cli import answer

LAST_WORDS = "two hundred and twelve steps every evening.\n"


@pytest.fixture
def proven(deployment: Deployment) -> Deployment:
    """All holds, but that a deletion's certificate is of something else."""
    deployment.answer = answer(1)
    deployment.checks = {"postgres": {"ok": True, "ms": 1}}
    deployment.quotes = LAST_WORDS
    deployment.quick = deployment.streams = True
    deployment.results["purge"] = {"document_id": "another", "removed": {}}
    return deployment


async def smoke(deployment: Deployment, *arguments: str, **variables: str) -> Ended:
    given = {
        "QUIRE_URL": deployment.url,
        "QUIRE_STREAM_URL": deployment.url,
        "QUIRE_API_KEY": KEY,
        **variables,
    }
    ended = await call("smoke", *arguments, **given)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "Left behind" not in ended.err
    assert given["QUIRE_API_KEY"] not in ended.out + ended.err
    assert ended.err.count("Next: ") == 1
    return ended


def ticks(ended: Ended) -> list[str]:
    return [" ".join(line.split()[:2]) for line in ended.out.splitlines()]


def left(deployment: Deployment) -> list[object]:
    return [*deployment.documents, *deployment.sessions]


async def test_a_wrong_key_brings_nothing(proven: Deployment) -> None:
    ended = await smoke(proven, QUIRE_API_KEY="another-key")
    assert ticks(ended) == ["✓ look", "✗ upload"]
    assert "This API key is not known." in ended.err
    assert left(proven) == []


async def test_nobody_at_the_url(proven: Deployment, unused_tcp_port: int) -> None:
    ended = await smoke(proven, QUIRE_URL=f"http://127.0.0.1:{unused_tcp_port}")
    assert ticks(ended) == ["✗ look"]
    assert "Nothing answers" in ended.err


async def test_what_is_down_is_named(proven: Deployment) -> None:
    proven.checks["qdrant"] = {"ok": False, "ms": 5_000, "error": "It takes too long."}
    ended = await smoke(proven)
    assert ticks(ended) == ["✗ look"]
    assert "Not ready: qdrant (It takes too long.)." in ended.err


async def test_a_citation_that_does_not_hold(proven: Deployment) -> None:
    proven.quotes = LAST_WORDS.replace("twelve", "eleven")
    ended = await smoke(proven)
    assert ticks(ended)[-1] == "✗ ask"
    assert "does not hold" in ended.err
    assert left(proven) == []


async def test_an_answer_of_something_else(proven: Deployment) -> None:
    del proven.answer["persisted"]
    assert "not as Quire answers" in (await smoke(proven)).err


@pytest.mark.parametrize(
    ("url", "cause"), [("", "No address is known"), (None, "is not Quire; check the URL")]
)
async def test_no_stream(proven: Deployment, url: str | None, cause: str) -> None:
    proven.streams = False
    ended = await smoke(proven, QUIRE_STREAM_URL=proven.url if url is None else url)
    assert ticks(ended)[-1] == "✗ stream"
    assert cause in ended.err
    assert left(proven) == []


async def test_what_is_never_ready_ends_with_the_time(proven: Deployment) -> None:
    proven.stuck = True
    ended = await smoke(proven, "--seconds", "1.5")
    assert ticks(ended)[-1] == "✗ wait"
    assert "The time is up" in ended.err
    # Its deletion is under way: that is as far as a smoke test that failed waits.
    assert len(proven.jobs) == 1


async def test_stopped_on_the_way_it_leaves_nothing(proven: Deployment) -> None:
    proven.gate = asyncio.Event()  # before the last words of the stream
    async with stopped_after("ask", proven):
        pass
    assert left(proven) == []


async def test_stopped_before_it_knows_what_it_made_it_leaves_nothing(proven: Deployment) -> None:
    proven.session_gate = asyncio.Event()
    async with stopped_after("wait", proven):
        while not proven.sessions:
            await asyncio.sleep(0.01)
    assert left(proven) == []


@asynccontextmanager
async def stopped_after(step: str, proven: Deployment) -> AsyncIterator[None]:
    """An interrupted smoke test, at the block's end; then what waited at a gate goes on."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "smoke"),
        env=environment(QUIRE_URL=proven.url, QUIRE_STREAM_URL=proven.url, QUIRE_API_KEY=KEY),
        stdout=asyncio.subprocess.PIPE,
    )
    assert command.stdout
    async with asyncio.timeout(60):
        while not (await command.stdout.readline()).startswith(f"✓ {step}".encode()):
            pass
        yield
        assert left(proven)
        command.send_signal(signal.SIGINT)
        # So that it was heard before the answer is.
        await asyncio.sleep(0.2)
        for gate in (proven.gate, proven.session_gate):
            if gate:
                gate.set()
        await command.communicate()
    assert command.returncode == 130


async def test_a_certificate_of_something_else(proven: Deployment) -> None:
    """And who is busy for a moment is asked again."""
    proven.busy = 1
    ended = await smoke(proven)
    assert ticks(ended) == ["✓ look", "✓ upload", "✓ wait", "✓ ask", "✓ stream", "✗ delete"]
    assert "no certificate of this document" in ended.err
    assert left(proven) == []


async def test_a_deletion_that_fails(proven: Deployment) -> None:
    proven.job_error = "The database went away."
    ended = await smoke(proven)
    assert ticks(ended)[-1] == "✗ delete"
    assert "The database went away." in ended.err
