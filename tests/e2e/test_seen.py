"""What is seen of a turn and of a document from outside: lines, metrics, one trace."""

import json
from typing import Any

import httpx

from local.stack import Stack
from tests.e2e.conftest import put


def lines(stack: Stack) -> list[dict[str, Any]]:
    """All that the functions have logged so far."""
    found = []
    for path in (stack.configuration.state / "logs").glob("*.log"):
        for line in path.read_text().splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
    return found


async def test_first(stack: Stack, client: httpx.AsyncClient) -> None:
    await put(client, "a.md", "# Balance\n\nA humanoid keeps its balance by stepping.")
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    answer = await client.post("/v1/chat", json={"question": "How is balance kept?"}, headers=trace)
    print(answer.json())
    for line in lines(stack):
        print(json.dumps(line))
