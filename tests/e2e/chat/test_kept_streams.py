"""Streams with an `Idempotency-Key`: kept while they are sent, though nobody may be there."""

import asyncio
import secrets

import httpx

from tests.e2e.chat.conftest import Reader, events_of, text_of
from tests.e2e.conftest import eventually

BODY = {"question": "Why do robot joints use a harmonic drive?", "cache": False}
WORDS = [f"word{number} " for number in range(20)]


async def test_a_client_that_goes_away_finds_its_stream_again(reader: Reader) -> None:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(3)
    async with reader.client.stream("POST", "/v1/chat/stream", json=BODY, headers=key) as answer:
        message = (await anext(events_of(answer)))["message_id"]
    early = await reader.client.post("/v1/chat/stream", json=BODY, headers=key)
    assert early.status_code == 409
    assert int(early.headers["retry-after"]) > 0
    for _ in WORDS:
        reader.model.gate.release()

    async def ended() -> bool:
        answer = await reader.client.post("/v1/chat/stream", json=BODY, headers=key)
        return answer.status_code == 200

    await eventually(ended, seconds=10)
    again = await reader.client.post("/v1/chat/stream", json=BODY, headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    events = [event async for event in events_of(again)]
    assert events[0]["message_id"] == message
    assert events[-1]["event"] == "response_complete"
    assert text_of(events) == "".join(WORDS)
    assert len(reader.model.asked) == 1


async def test_pieces_are_not_held_back_by_a_key(reader: Reader) -> None:
    """The model goes on only when the client has seen what it said last."""
    key = {"Idempotency-Key": secrets.token_hex(8)}
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(0)
    seen = 0
    async with (
        asyncio.timeout(20),
        reader.client.stream("POST", "/v1/chat/stream", json=BODY, headers=key) as answer,
    ):
        async for event in events_of(answer):
            if event["event"] == "response_chunk":
                seen += 1
                reader.model.gate.release()
    assert seen >= len(WORDS)


async def test_who_has_seen_the_end_can_have_it_again(reader: Reader) -> None:
    """What ended was kept before its end was told."""
    reader.model.say("Backlash.")
    for _ in range(10):
        key = {"Idempotency-Key": secrets.token_hex(8)}
        answers: list[httpx.Response] = [
            await reader.client.post("/v1/chat/stream", json=BODY, headers=key) for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].content == answers[1].content


async def test_a_stream_whose_session_went_is_not_shown_again(reader: Reader) -> None:
    session = (await reader.client.post("/v1/sessions")).json()["id"]
    key, body = {"Idempotency-Key": secrets.token_hex(8)}, {**BODY, "session_id": session}
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(2)
    async with reader.client.stream("POST", "/v1/chat/stream", json=body, headers=key) as answer:
        events = events_of(answer)
        await anext(events)
        await reader.client.delete(f"/v1/sessions/{session}")
        for _ in WORDS:
            reader.model.gate.release()
        assert [event async for event in events][-1]["event"] == "error"
    again = await reader.client.post("/v1/chat/stream", json=body, headers=key)
    assert again.status_code == 404
    assert "idempotent-replayed" not in again.headers
