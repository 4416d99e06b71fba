"""A tenant's limit of streams, and who reads on where a stream was cut."""

import asyncio

import httpx

from tests.conftest import Tenant
from tests.e2e.behind import Owner
from tests.e2e.chat.conftest import Reader, asked, events_of, text_of
from tests.e2e.conftest import eventually

QUESTION = "Why do robot joints use a harmonic drive?"
WORDS = [f"word{number} " for number in range(8)]


async def test_resumed_streams_count_and_who_lost_one_is_not_kept_out(
    reader: Reader, tenant: Tenant, owner: Owner
) -> None:
    await owner.execute("insert into limits (tenant_id, streams) values (%s, 1)", [tenant.id])
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(2)
    async with asked(reader, QUESTION) as events:
        message = (await anext(events))["message_id"]
        path = f"/v1/messages/{message}/stream"
        # Nobody can tell whether the first is still read, so one may take its place.
        async with reader.client.stream("GET", path) as resumed:
            assert resumed.status_code == 200
            reading = events_of(resumed)
            await anext(reading)
            for _ in range(3):
                assert_refused(await reader.client.get(path))
            body = {"question": QUESTION}
            assert_refused(await reader.client.post("/v1/chat/stream", json=body))
    # Both are cut, and the turn goes on.

    async def resumes() -> bool:
        async with reader.client.stream("GET", path) as again:
            return again.status_code == 200

    await eventually(resumes, seconds=10)
    for _ in WORDS:
        reader.model.gate.release()

    async def whole() -> bool:
        async with reader.client.stream("GET", path) as again:
            if again.status_code == 200:
                told = [event async for event in events_of(again)]
                assert text_of(told) == "".join(WORDS)
            return again.status_code == 200

    await eventually(whole, seconds=10)
    reader.model.gate = None
    async with asked(reader, QUESTION, cache=False) as events:
        assert [event async for event in events][-1]["event"] == "response_complete"


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 429, answer.text
    assert answer.headers["retry-after"] == "5"
    assert "ratelimit" in answer.headers
    assert "1 streams under way" in answer.json()["detail"]
