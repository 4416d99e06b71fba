"""A deployment in memory, the command that speaks to it, and something to upload."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from tests.integration.cli.command import Ended, Quire, call
from tests.integration.cli.contract import KEY, create_app
from tests.integration.cli.deployment import Deployment


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    served = Deployment()
    config = uvicorn.Config(create_app(served), port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    served.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield served
    server.should_exit = True
    await serving


@pytest.fixture
def quire(deployment: Deployment) -> Quire:
    async def run(*arguments: str) -> Ended:
        ended = await call(*arguments, QUIRE_URL=deployment.url, QUIRE_API_KEY=KEY)
        assert "Traceback" not in ended.err
        assert "\x1b" not in ended.out + ended.err
        return ended

    return run


@pytest.fixture
def book(tmp_path: Path) -> Path:
    folder = tmp_path / "book"
    (folder / "part one").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "walking.md").write_text("# Walking\n\nOne foot, then the other.\r\n\r\n")
    (folder / "part one" / "balance.txt").write_text("Stand up.")
    (folder / ".git" / "config").write_text("hidden")
    (folder / ".hidden.md").write_text("hidden")
    return folder
