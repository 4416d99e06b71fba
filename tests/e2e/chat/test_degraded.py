"""What is still answered when something is down, and how the answer says so."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from local.stack import Stack
from tests.e2e.behind import Owner
from tests.e2e.chat.conftest import Reader, asked, named, text_of, told
from tests.e2e.conftest import put
from tests.e2e.test_outages import without

QUESTION = "Why do robot joints use a harmonic drive?"


async def test_without_embeddings_words_are_searched_for(reader: Reader) -> None:
    reader.model.down = {"embeddings"}
    reader.model.say("For its backlash [1.2].")
    events = await told(reader, QUESTION)
    assert named(events, "retrieval_complete")[0]["sources"]
    assert events[-1]["degraded"] == ["embeddings"]
    assert events[-1]["grounded"]


async def test_without_a_model_the_best_passages_are_quoted(reader: Reader) -> None:
    reader.model.down = {"chat"}
    events = await told(reader, QUESTION)
    end = events[-1]
    assert (end["event"], end["degraded"]) == ("response_complete", ["model"])
    assert end["grounded"]
    for citation in end["citations"]:
        assert reader.text[citation["start"] : citation["end"]] == citation["cited_text"]
        assert " ".join(citation["cited_text"].split()) in text_of(events)
    reader.model.down = set()
    reader.model.say("For its backlash [1.2].")
    assert not (await told(reader, QUESTION))[-1]["cached"], "a makeshift answer is not kept"


async def test_without_both_the_best_passages_are_found_by_words(reader: Reader) -> None:
    reader.model.down = {"chat", "embeddings"}
    answer = await reader.client.post("/v1/chat", json={"question": QUESTION})
    assert answer.status_code == 200
    assert answer.json()["degraded"] == ["embeddings", "model"]
    assert answer.json()["citations"]


async def test_a_new_document_ends_what_was_cached(
    reader: Reader, client: httpx.AsyncClient
) -> None:
    reader.model.say("For its backlash [1.2].")
    await told(reader, QUESTION)
    await put(client, "more.md", "# More\n\nJoints also use planetary gears.")
    assert not (await told(reader, QUESTION))[-1]["cached"]


@pytest.mark.parametrize("held", ["rewrite", "embeddings"])
async def test_postgres_goes_before_there_are_words(
    reader: Reader, stack: Stack, owner: Owner, held: str
) -> None:
    session = (await told(reader, QUESTION, cache=False))[0]["session_id"]
    reader.model.say("For its backlash [1.2].")
    reader.model.standalone = QUESTION
    released = reader.model.held[held] = asyncio.Event()
    more = {"session_id": session, "cache": held == "rewrite"}
    asking = asyncio.create_task(told(reader, "Why?", **more))
    lease = """select lease_until - now() from messages
               where session_id = %s and status = 'generating' limit 1"""
    async with asyncio.timeout(30):
        while not (rows := await (await owner.execute(lease, [session])).fetchall()):
            await asyncio.sleep(0.05)
    (left,) = rows[0]
    assert isinstance(left, timedelta)
    assert left > timedelta(seconds=30), "none is thought dead while it is silent"
    async with without(stack, "postgres"):
        released.set()
        events = await asking
    assert events[-1]["event"] == "response_complete"
    assert (events[-1]["degraded"], events[-1]["persisted"]) == (["postgres"], False)
    assert events[-1]["citations"]


async def test_postgres_goes_while_words_come(reader: Reader, stack: Stack) -> None:
    reader.model.say("For its ", "backlash [1.2].")
    reader.model.gate = asyncio.Semaphore(0)
    async with asked(reader, QUESTION) as events:
        while (await anext(events))["event"] != "response_chunk":
            pass
        async with without(stack, "postgres"):
            reader.model.gate.release()
            end = [event async for event in events][-1]
    assert end["event"] == "response_complete"
    assert (end["degraded"], end["persisted"]) == (["postgres"], False)


async def test_a_search_by_words_alone_says_so(reader: Reader) -> None:
    found = await reader.client.post("/v1/retrieve", json={"question": QUESTION})
    assert found.json()["degraded"] == []
    reader.model.down = {"embeddings"}
    found = await reader.client.post("/v1/retrieve", json={"question": QUESTION})
    assert found.json()["chunks"]
    assert found.json()["degraded"] == ["embeddings"]
