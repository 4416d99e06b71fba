"""A turn over a real socket: nothing held back, nothing lost, stopped where it is told to."""

import asyncio
import json

import httpx
from qdrant_client.models import PointStruct, Record

from tests.conftest import Tenant
from tests.e2e.behind import Points
from tests.e2e.chat.conftest import Reader, asked, events_of, named, text_of, told
from tests.e2e.chat.scripted import ScriptedModel
from tests.e2e.conftest import eventually

QUESTION = "Why do robot joints use a harmonic drive?"
WORDS = [f"word{number} " for number in range(20)]


async def test_a_turn_is_told_in_order_and_ends_once(reader: Reader) -> None:
    reader.model.say("Joints use it ", "for its backlash [1.2", "].")
    events = await told(reader, QUESTION)
    names = [event["event"] for event in events]
    assert names[:2] == ["retrieval_start", "retrieval_complete"]
    assert names[-1] == "response_complete"
    assert len(named(events, "citation")) == 1
    ids = [event["id"] for event in events]
    assert ids == sorted(set(ids)), "rising"
    assert events[0]["question"] == QUESTION
    assert events[0]["message_id"] == events[-1]["message_id"]
    assert text_of(events) == "Joints use it for its backlash [1]."
    end = events[-1]
    assert end["grounded"]
    assert (end["persisted"], end["cached"], end["degraded"]) == (True, False, [])
    assert end["usage"]["cached_tokens"] == 400
    assert {"open", "embed", "search", "model"} <= end["timings"].keys()


async def test_every_piece_comes_before_the_next_is_written(reader: Reader) -> None:
    """The model goes on only when the client has seen what it said last."""
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(0)
    seen = 0
    async with asyncio.timeout(20), asked(reader, QUESTION) as events:
        async for event in events:
            if event["event"] == "response_chunk":
                seen += 1
                reader.model.gate.release()
    assert seen >= len(WORDS)


async def test_a_cut_socket_loses_nothing(reader: Reader) -> None:
    reader.model.say(*WORDS, "[1.2]")
    reader.model.gate = asyncio.Semaphore(0)
    shown = ""
    async with asked(reader, QUESTION) as events:
        async for event in events:
            if event["event"] == "retrieval_start":
                message, session = event["message_id"], event["session_id"]
            if event["event"] == "response_chunk":
                shown, last = shown + event["text"], event["id"]
                reader.model.gate.release()
                if len(shown) > 40:
                    break
    for _ in WORDS:
        reader.model.gate.release()
    rest = await resumed(reader.client, message, last)
    whole = "".join(WORDS).rstrip() + " [1]"
    assert shown + text_of(rest) == whole
    assert rest[0]["id"] > last
    assert rest[-1]["event"] == "response_complete"
    listed = (await reader.client.get(f"/v1/sessions/{session}/messages")).json()["data"]
    assert [(m["content"], m["status"]) for m in listed] == [
        (QUESTION, "complete"),
        (whole, "complete"),
    ]
    assert len(reader.model.asked) == 1, "resuming asks the model nothing"


async def test_a_stream_is_resumed_while_it_goes_on(reader: Reader) -> None:
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(5)
    async with asked(reader, QUESTION) as events:
        message = (await anext(events))["message_id"]
        resuming = asyncio.create_task(resumed(reader.client, message, 0))
        await eventually(lambda: shown_of(reader.client, message, "word5"), seconds=10)
        assert not resuming.done()
        for _ in WORDS:
            reader.model.gate.release()
        first = [event async for event in events]
    second = await resuming
    assert text_of(second) == text_of(first) == "".join(WORDS)
    assert second[-1]["id"] == first[-1]["id"]


async def test_what_was_shown_is_stored_while_the_model_goes_on(reader: Reader) -> None:
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(3)
    async with asked(reader, QUESTION) as events:
        async for event in events:
            if event["event"] == "retrieval_start":
                message = event["message_id"]
            if event["event"] == "response_chunk" and "word3" in event["text"]:
                break
        await eventually(lambda: shown_of(reader.client, message, "word3"), seconds=20)
        for _ in WORDS:
            reader.model.gate.release()


async def test_an_id_that_is_none_of_ours_means_from_the_beginning(reader: Reader) -> None:
    first = await told(reader, QUESTION)
    for last in ("9" * 5_000, "none"):
        again = await resumed(reader.client, first[0]["message_id"], last)
        assert text_of(again) == text_of(first)


async def test_who_has_seen_the_end_is_told_it_again(reader: Reader) -> None:
    first = await told(reader, QUESTION)
    for last in (first[-1]["id"], "999999"):
        (end,) = await resumed(reader.client, first[0]["message_id"], last)
        assert (end["event"], end["id"]) == ("response_complete", first[-1]["id"])


async def test_a_generation_is_stopped(reader: Reader) -> None:
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(2)
    async with asyncio.timeout(20), asked(reader, QUESTION) as events:
        message = (await anext(events))["message_id"]
        stopped = await reader.client.post(f"/v1/messages/{message}/stop")
        assert stopped.status_code == 202
        rest = [event async for event in events]
    assert (rest[-1]["event"], rest[-1]["reason"]) == ("incomplete", "stopped")
    assert rest[-1]["finish_reason"] == "stop"
    assert "word19" not in text_of(rest)
    again = await resumed(reader.client, message, 0)
    assert again[-1]["reason"] == "stopped"
    assert text_of(again) == text_of(rest)


async def test_a_silent_model_is_bridged_by_heartbeats(reader: Reader) -> None:
    reader.model.say(*WORDS[:2])
    reader.model.gate = asyncio.Semaphore(0)
    body = {"question": QUESTION}
    async with (
        asyncio.timeout(15),
        reader.client.stream("POST", "/v1/chat/stream", json=body) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith(":"):
                break
        reader.model.gate.release()


async def test_a_model_that_breaks_off_leaves_an_incomplete_answer(reader: Reader) -> None:
    reader.model.say(*WORDS)
    reader.model.breaks_after = 4
    events = await told(reader, QUESTION)
    end = events[-1]
    assert (end["event"], end["reason"], end["finish_reason"]) == ("incomplete", "model", "length")
    assert "word3" in text_of(events)
    assert "word4" not in text_of(events)


async def test_what_breaks_off_has_its_cost(reader: Reader) -> None:
    """It was paid for, though the model did not come to say what it took."""
    reader.model.say(*WORDS)
    reader.model.breaks_after = 4
    end = (await told(reader, QUESTION))[-1]
    assert end["usage"]["prompt_tokens"] > 50
    assert end["usage"]["completion_tokens"] >= 4
    counted = (await reader.client.get("/v1/usage")).json()["data"]
    (chat,) = (one for one in counted if one["model"] == end["model"])
    assert chat["completion_tokens"] == end["usage"]["completion_tokens"]


async def test_what_nobody_expected_ends_a_turn_too(reader: Reader, points: Points) -> None:
    for record in await points.records():
        spoilt = PointStruct(id=record.id, vector=record.vector or {}, payload=_spoilt(record))
        await points.qdrant.upsert(await points.live(), [spoilt], wait=True)
    events = await told(reader, QUESTION)
    assert events[-1]["problem"]["status"] == 500
    async with asyncio.timeout(12):  # and not when its lease is over
        again = await resumed(reader.client, events[0]["message_id"], 0)
    assert again[-1]["event"] == "error"


async def test_a_session_that_is_not_there_is_told_with_its_status(reader: Reader) -> None:
    body = {"question": QUESTION, "session_id": "01a1ff07-b249-70c6-8bdf-970c8725b362"}
    answer = await reader.client.post("/v1/chat/stream", json=body)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_messages_are_their_users_own(
    reader: Reader, tenant: Tenant, scripted_url: tuple[str, ScriptedModel]
) -> None:
    message = (await told(reader, QUESTION))[0]["message_id"]
    async with httpx.AsyncClient(
        base_url=scripted_url[0], headers=tenant.headers("somebody-else")
    ) as other:
        assert (await other.get(f"/v1/messages/{message}/stream")).status_code == 404
        assert (await other.post(f"/v1/messages/{message}/stop")).status_code == 404
        rated = await other.post(f"/v1/messages/{message}/feedback", json={"rating": "up"})
        assert rated.status_code == 404


def _spoilt(record: Record) -> dict[str, object]:
    return {name: value for name, value in (record.payload or {}).items() if name != "title"}


async def resumed(
    client: httpx.AsyncClient, message: str, last: int | str
) -> list[dict[str, object]]:
    headers = {"Last-Event-ID": str(last)}
    async with client.stream("GET", f"/v1/messages/{message}/stream", headers=headers) as answer:
        assert answer.status_code == 200
        return [event async for event in events_of(answer)]


async def shown_of(client: httpx.AsyncClient, message: str, words: str) -> bool:
    """Whether these words are stored by now, as who begins to resume sees it."""
    async with client.stream("GET", f"/v1/messages/{message}/stream") as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: ") and words in json.loads(line[6:]).get("text", ""):
                return True
            if line.startswith("data: ") and '"event":"response_chunk"' in line:
                return False
    return False
