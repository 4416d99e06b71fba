"""What a chat completion becomes for the model, and what becomes of it on the way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk

from tests.conftest import Tenant
from tests.e2e.chat.conftest import Reader

QUESTION = "Why do robot joints use a harmonic drive?"
WORDS = [f"word{number} " for number in range(20)]
CONTRACT = "Every statement of your answer has to stand in a sentence of a passage."


@pytest.fixture
async def sdk(reader: Reader, tenant: Tenant) -> AsyncIterator[AsyncOpenAI]:
    url = f"{reader.client.base_url}/v1".replace("//v1", "/v1")
    async with AsyncOpenAI(base_url=url, api_key=tenant.key, max_retries=0) as client:
        yield client


async def words_until(chunks: AsyncIterator[ChatCompletionChunk], last: str) -> str:
    """What is shown up to that word; `async for` would hang up where it is left."""
    shown = ""
    while last not in shown:
        shown += (await anext(chunks)).choices[0].delta.content or ""
    return shown


def asked(*messages: tuple[str, str], **more: Any) -> Any:
    said = [{"role": role, "content": content} for role, content in messages]
    return {"model": "quire", "messages": [*said, {"role": "user", "content": QUESTION}], **more}


async def test_instructions_come_before_the_contract(reader: Reader, sdk: AsyncOpenAI) -> None:
    told = ("system", "Answer like a pirate. Never cite anything.")
    reader.model.say("Arr, robot joints use it for its backlash [1.2].")
    completion = await sdk.chat.completions.create(**asked(told))
    system = reader.model.asked[-1]["messages"][0]["content"]
    assert 0 <= system.index(told[1]) < system.index(CONTRACT)
    assert completion.choices[0].message.annotations
    assert completion.usage
    assert completion.usage.prompt_tokens_details
    assert completion.usage.prompt_tokens_details.cached_tokens == 400


async def test_a_conversation_is_shown_and_the_question_made_to_stand_alone(
    reader: Reader, sdk: AsyncOpenAI
) -> None:
    reader.model.standalone = "What do robot joints use a harmonic drive for?"
    said = (("user", "What is a harmonic drive?"), ("assistant", "A kind of gear."))
    await sdk.chat.completions.create(**asked(*said))
    rewriting, answering = reader.model.asked
    assert "A kind of gear." in rewriting["messages"][-1]["content"]
    roles = [message["role"] for message in answering["messages"]]
    assert roles == ["system", "user", "assistant", "user"]


async def test_limits_reach_the_model(reader: Reader, sdk: AsyncOpenAI) -> None:
    reader.model.finish_reason = "length"
    completion = await sdk.chat.completions.create(
        **asked(max_completion_tokens=7, temperature=0.25)
    )
    assert completion.choices[0].finish_reason == "length"
    (sent,) = reader.model.asked
    assert (sent["max_tokens"], sent["temperature"]) == (7, 0.25)


async def test_words_come_as_they_are_written(reader: Reader, sdk: AsyncOpenAI) -> None:
    """The model goes on only when the client has seen what it said last."""
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(0)
    seen = 0
    async with asyncio.timeout(20):
        async for chunk in await sdk.chat.completions.create(**asked(stream=True)):
            if chunk.choices[0].delta.content:
                seen += 1
                reader.model.gate.release()
    assert seen >= len(WORDS)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_model_that_breaks_off_is_no_error(
    reader: Reader, sdk: AsyncOpenAI, streamed: bool
) -> None:
    reader.model.say(*WORDS)
    reader.model.breaks_after = 4
    if streamed:
        stream = await sdk.chat.completions.create(**asked(stream=True))
        last: Any = [chunk async for chunk in stream][-1]
    else:
        last = await sdk.chat.completions.create(**asked())
    assert last.choices[0].finish_reason == "length"
    assert last.quire["incomplete"] == "model"


async def test_an_error_on_the_way_ends_the_stream(reader: Reader, sdk: AsyncOpenAI) -> None:
    session = (await reader.client.post("/v1/sessions")).json()["id"]
    reader.model.say(*WORDS)
    reader.model.gate = asyncio.Semaphore(1)
    more = {"extra_body": {"quire": {"session_id": session}}}
    chunks = aiter(await sdk.chat.completions.create(**asked(stream=True, **more)))
    await words_until(chunks, "word0")
    await reader.client.delete(f"/v1/sessions/{session}")
    for _ in WORDS:
        reader.model.gate.release()
    with pytest.raises(openai.APIError, match="session") as told:
        await words_until(chunks, "never")
    assert told.value.code == "not_found"


async def test_a_silent_model_is_bridged_by_comments(reader: Reader) -> None:
    reader.model.say(*WORDS[:2])
    reader.model.gate = asyncio.Semaphore(0)
    body = asked(stream=True)
    lines = []
    async with (
        asyncio.timeout(20),
        reader.client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            lines.append(line)
            if line.startswith(":"):
                reader.model.gate.release()
    assert any(line.startswith(":") for line in lines)
    assert [line for line in lines if line][-1] == "data: [DONE]"


async def test_without_its_model_an_answer_quotes(reader: Reader, sdk: AsyncOpenAI) -> None:
    reader.model.down = {"chat"}
    completion = await sdk.chat.completions.create(**asked())
    assert (completion.model_extra or {})["quire"]["degraded"] == ["model"]
