"""Bodies whose end the gateway waits for: whose sender hangs up, or falls silent."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.ports import free_ports
from local.gateway import create_app
from local.web_server import WebServer
from tests.integration.gateway.conftest import ANYTHING, Deploy, mirror

# The server says that it reads the body; so the test knows that it waits.
HEAD = b"POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"


async def begun(port: int | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request of whose body the beginning came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD)
    async with asyncio.timeout(5):
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"{")
    await writer.drain()
    return reader, writer


async def test_who_hangs_up_before_the_end_leaves_no_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[str] = []

    async def invoke(function: str, event: Mapping[str, Any]) -> Any:
        asked.append(function)

    (port,) = free_ports(1)
    server = WebServer(create_app(invoke, ANYTHING), name="gateway", port=port)
    await server.start()
    _, writer = await begun(port)
    writer.close()
    await server.stop()  # when it has done with the request

    # The server's own log: others, of a stack that runs beside it, may speak meanwhile.
    told = [one.getMessage() for one in caplog.records if one.name.startswith("uvicorn")]
    assert (asked, told) == ([], [])


async def test_what_does_not_come_is_a_408(deploy: Deploy) -> None:
    client = deploy(mirror, timeout=0.2)
    reader, writer = await begun(client.base_url.port)
    try:
        async with asyncio.timeout(3):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()

    assert head.startswith(b"HTTP/1.1 408 ")
    problem = json.loads(body)
    assert (problem["type"], problem["message"]) == (
        "urn:quire:problem:request-timeout",
        "Request Timeout",
    )
