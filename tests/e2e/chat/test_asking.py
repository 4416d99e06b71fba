"""`quire ask` in front of the app that streams."""

import asyncio
import sys

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.chat.conftest import Reader
from tests.integration.cli.command import environment


async def test_words_are_shown_while_the_model_writes(
    reader: Reader, stack: Stack, tenant: Tenant
) -> None:
    reader.model.say("For its\nback", "lash ", "[1.", "2].")
    reader.model.gate = asyncio.Semaphore(0)
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "ask", "Why do robot joints use a harmonic drive?"),
        env=environment(
            QUIRE_URL=stack.configuration.api_url,
            QUIRE_STREAM_URL=str(reader.client.base_url),
            QUIRE_API_KEY=tenant.key,
        ),
        stdout=asyncio.subprocess.PIPE,
    )
    assert command.stdout
    async with asyncio.timeout(30):
        assert await command.stdout.readline() == b"For its\n"
        for _ in reader.model.pieces:
            reader.model.gate.release()
        rest, _ = await command.communicate()
    assert command.returncode == 0
    lines = rest.decode().splitlines()
    assert lines[0] == "backlash [1]."
    assert lines[2].startswith("[1] Gears · gears.md")
    assert "A harmonic drive has almost no backlash." in lines[3]
    assert " tokens · $" in lines[-1]
