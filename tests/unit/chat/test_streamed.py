"""Who called the function URL: what its adapter says, where there is one."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from functions.chat.streamed import Streamed

CONTEXT = '{"http": {"sourceIp": "198.51.100.7", "method": "GET"}, "time": "now"}'


async def who(scope: Scope, receive: Receive, send: Send) -> None:
    client = Request(scope).client
    await PlainTextResponse(client.host if client else "nobody")(scope, receive, send)


@pytest.mark.parametrize(
    ("adapted", "context", "seen"),
    [
        (True, CONTEXT, "198.51.100.7"),
        (True, "null", "127.0.0.1"),  # invoked, not called
        (False, CONTEXT, "127.0.0.1"),  # anybody's own header
    ],
)
async def test_the_adapter_says_who_called(
    monkeypatch: pytest.MonkeyPatch, adapted: bool, context: str, seen: str
) -> None:
    if adapted:
        monkeypatch.setenv("AWS_LWA_READINESS_CHECK_PATH", "/ready")
    transport = httpx.ASGITransport(Streamed(lambda: who))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as url:
        answer = await url.get("/", headers={"x-amzn-request-context": context})
        assert answer.text == seen
        assert (await url.get("/ready")).text == ("" if adapted else "127.0.0.1")
