"""An answer asked for anew: the same question, beside what was said then."""

import asyncio
from typing import Any

import httpx

from tests.conftest import Tenant
from tests.e2e.chat.conftest import Reader, asked
from tests.e2e.conftest import put, served
from tests.e2e.test_turn import ask

QUESTION = "Why do robot joints use a harmonic drive?"


async def replay(client: httpx.AsyncClient, message: str) -> dict[str, Any]:
    answer = await client.post(f"/v1/messages/{message}/replay")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_nothing_changed(reader: Reader) -> None:
    reader.model.say("For its backlash [1.1].")
    turn = await ask(
        reader.client, QUESTION, top_k=1, temperature=0.3, filters={"filename": ["gears.md"]}
    )
    shown = await replay(reader.client, turn["message_id"])
    assert shown["same"]
    assert shown["was"] == shown["now"]
    assert shown["message_id"] == turn["message_id"]
    assert shown["was"]["answer"] == turn["answer"]
    assert shown["was"]["sources"] == [source["chunk_id"] for source in turn["sources"]]
    assert shown["was"]["citations"] == turn["citations"]
    first, second = reader.model.asked
    assert first == second, "the seed and all"
    assert first["temperature"] == 0.3


async def test_nothing_is_kept_but_what_it_cost(reader: Reader) -> None:
    turn = await ask(reader.client, QUESTION)
    before = (await reader.client.get("/v1/usage")).json()["total"]
    await replay(reader.client, turn["message_id"])
    after = (await reader.client.get("/v1/usage")).json()["total"]
    assert after["requests"] == before["requests"] + 1
    assert after["prompt_tokens"] > before["prompt_tokens"]
    assert after["embedding_tokens"] > before["embedding_tokens"]
    session = (await reader.client.get(f"/v1/sessions/{turn['session_id']}")).json()
    assert session["message_count"] == 2


async def test_what_changed_is_told_apart(reader: Reader, client: httpx.AsyncClient) -> None:
    reader.model.say("Then [1.1].")
    turn = await ask(reader.client, QUESTION)
    reader.model.say("Now [1.1].")
    said = await replay(reader.client, turn["message_id"])
    assert not said["same"]
    assert "Then" in said["was"]["answer"]
    assert "Now" in said["now"]["answer"]
    assert said["was"]["sources"] == said["now"]["sources"]
    assert said["was"]["prompt_hash"] == said["now"]["prompt_hash"]
    reader.model.say("Then [1.1].")
    await reader.client.put("/v1/admin/persona", json={"name": "Gearbox"})
    prompted = await replay(reader.client, turn["message_id"])
    assert prompted["was"]["prompt_hash"] != prompted["now"]["prompt_hash"]
    body = {"filename": "gears.md", "content": "# Gears\n\nRobot joints use a harmonic drive."}
    await client.post("/v1/documents", json=body)
    await served(client, reader.document, version=2)
    found = await replay(reader.client, turn["message_id"])
    assert not set(found["was"]["sources"]) & set(found["now"]["sources"])


async def test_a_follow_up_is_asked_after_what_came_before_it(reader: Reader) -> None:
    reader.model.say("For its backlash.")
    first = await ask(reader.client, QUESTION)
    reader.model.standalone = "How often must the grease of a gearbox be renewed?"
    second = await ask(reader.client, "And the grease?", session_id=first["session_id"])
    await ask(reader.client, "And then?", session_id=first["session_id"])
    reader.model.asked.clear()
    shown = await replay(reader.client, second["message_id"])
    assert shown["same"]
    rewriting, answering = reader.model.prompts
    assert QUESTION in rewriting
    assert "And then?" not in rewriting + answering


async def test_an_answer_from_the_cache_is_the_same(reader: Reader) -> None:
    reader.model.say("For its backlash [1.1].")
    await ask(reader.client, QUESTION)
    cached = await ask(reader.client, QUESTION)
    assert cached["cached"]
    assert (await replay(reader.client, cached["message_id"]))["same"]


async def test_a_selection_is_asked_about_again(reader: Reader) -> None:
    turn = await ask(reader.client, QUESTION, selected_text="Joints need no backlash.")
    shown = await replay(reader.client, turn["message_id"])
    assert shown["same"]
    assert shown["now"]["sources"] == [None]


async def test_only_an_answer_of_ones_own_that_ended(
    reader: Reader, tenant: Tenant, client: httpx.AsyncClient
) -> None:
    await put(client, "other.md", "Something else.")
    reader.model.say("One ", "two.")
    reader.model.gate = asyncio.Semaphore(0)
    async with asked(reader, QUESTION) as events:
        message = (await anext(events))["message_id"]
        path = f"/v1/messages/{message}/replay"
        early = await reader.client.post(path)
        assert early.status_code == 409
        assert int(early.headers["retry-after"]) > 0
        reader.model.gate.release()
        assert [event async for event in events][-1]["event"] == "response_complete"
    reader.model.gate = None
    other = await reader.client.post(path, headers=tenant.headers("another"))
    assert other.status_code == 404
    assert (await reader.client.post("/v1/messages/none/replay")).status_code == 404
