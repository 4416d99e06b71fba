"""The laptop's models as the functions meet them: OpenAI's own SDK over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import uvicorn
from numpy.typing import NDArray
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from local.model_server import create_app

EMBEDDING = "all-MiniLM-L6-v2"
CHAT = "extractive"
PASSAGES = """<passages>
<passage index="1" title="Manual" heading="Power">
[1.1] The pack weighs 6 kg.
[1.2] Charging it takes ninety minutes.
</passage>
<passage index="2" title="Manual" heading="Hands">
[2.1] A hand has eleven motors and fourteen tendons.
</passage>
</passages>

Question: How many motors does a hand have?"""
ASKED: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "You answer questions from passages."},
    {"role": "user", "content": PASSAGES},
]
ANSWER = """No language model is configured, so here are the words of the sources:

"A hand has eleven motors and fourteen tendons." [2.1]"""


@pytest.fixture(scope="session")
async def address() -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(), port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@pytest.fixture(scope="session")
async def client(address: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address) as http:
        yield http


async def embed(client: AsyncOpenAI, *texts: str, **options: Any) -> NDArray[np.float64]:
    answer = await client.embeddings.create(model=EMBEDDING, input=list(texts), **options)
    assert [item.index for item in answer.data] == list(range(len(texts)))
    return np.array([item.embedding for item in answer.data])


async def test_vectors_are_those_of_the_published_model(client: AsyncOpenAI) -> None:
    """The similarities are in the documentation of Sentence Transformers (sbert.net)."""
    vectors = await embed(
        client, "The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."
    )
    expected = [[1, 0.6660, 0.1046], [0.6660, 1, 0.1411], [0.1046, 0.1411, 1]]
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-4)


async def test_base64_and_float_carry_the_same_vectors(client: AsyncOpenAI) -> None:
    texts = ["A gear.", "Two gears turn."]
    packed = await embed(client, *texts)  # the SDK asks for base64 unless told otherwise
    plain = await embed(client, *texts, encoding_format="float")
    assert packed.shape == (2, 384)
    np.testing.assert_array_equal(packed, plain)


async def test_a_text_has_one_vector_whatever_its_company(client: AsyncOpenAI) -> None:
    texts = [f"Joint {n} " + "turns and holds " * (n % 25) for n in range(60)]
    together = await embed(client, *texts)
    for row in (0, 1, 24, 37, 59):
        alone = await embed(client, texts[row])
        np.testing.assert_allclose(together[row], alone[0], atol=1e-5)


async def test_only_the_first_256_tokens_count(client: AsyncOpenAI) -> None:
    """Start and end take two of them."""
    shorter, exact, longer = await embed(
        client, "gear " * 253, "gear " * 254, "gear " * 254 + "and something else"
    )
    np.testing.assert_allclose(exact, longer, atol=1e-6)
    assert np.abs(exact - shorter).max() > 1e-4


async def test_embedding_usage_counts_tokens(client: AsyncOpenAI) -> None:
    answer = await client.embeddings.create(
        model=EMBEDDING, input=["hello world", "hello"], dimensions=384
    )
    assert (answer.model, answer.usage.prompt_tokens, answer.usage.total_tokens) == (
        EMBEDDING,
        3,
        3,
    )


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"input": []}, "input", "at least one"),
        ({"input": ""}, "input", "at least one"),
        ({"input": ["a", ""]}, "input", "no empty one"),
        ({"input": ["a"] * 2049}, "input", "at most 2048"),
        ({"input": [1, 2]}, "input", "lists of tokens"),
        ({"input": [[1, 2], [3]]}, "input", "lists of tokens"),
        ({"input": "a", "dimensions": 256}, "dimensions", "384"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format", "'float' or 'base64'"),
    ],
)
async def test_embedding_requests_are_refused_as_openai_does(
    client: AsyncOpenAI, body: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=words) as caught:
        await client.post("/embeddings", cast_to=object, body={"model": EMBEDDING, **body})
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param == param


async def test_an_unknown_model_names_the_one_there_is(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=EMBEDDING) as caught:
        await client.embeddings.create(model="text-embedding-3-small", input="a")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError, match=CHAT):
        await client.chat.completions.create(model="gpt-6-luna", messages=ASKED)


async def test_a_question_overtakes_an_ingestion(
    client: AsyncOpenAI, http: httpx.AsyncClient
) -> None:
    texts = [f"{n} " + "the motor turns the gear " * 45 for n in range(32)]
    ingestion = asyncio.create_task(embed(client, *texts))
    await asyncio.sleep(0.02)
    await embed(client, "Which motor?")
    assert (await http.get("/health")).json() == {"status": "ok"}
    assert not ingestion.done()
    assert (await ingestion).shape == (32, 384)


async def test_a_chat_quotes_and_counts(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model=CHAT, messages=ASKED)
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", ANSWER)
    assert choice.finish_reason == "stop"
    assert answer.usage
    assert answer.usage.prompt_tokens == 104
    assert answer.usage.completion_tokens == 32
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 32


async def test_a_streamed_chat_is_the_same_word_by_word(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(model=CHAT, messages=ASKED)
    stream = await client.chat.completions.create(
        model=CHAT, messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta.content for chunk in chunks]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(delta or "" for delta in deltas) == ANSWER
    assert len(deltas) == len(ANSWER.split()) + 2
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + ["stop"]
    assert last.choices == []
    assert last.usage == whole.usage
    assert len({chunk.id for chunk in [*chunks, last]}) == 1


async def test_usage_is_streamed_only_when_asked_for(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model=CHAT, messages=ASKED, stream=True)
    chunks = [chunk async for chunk in stream]
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


@pytest.mark.parametrize("limit", ["max_completion_tokens", "max_tokens"])
async def test_a_limit_cuts_the_answer(client: AsyncOpenAI, limit: str) -> None:
    options: dict[str, Any] = {limit: 10}
    answer = await client.chat.completions.create(model=CHAT, messages=ASKED, **options)
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content
    assert ANSWER.startswith(answer.choices[0].message.content)
    assert answer.usage
    assert 5 < answer.usage.completion_tokens <= 10


async def test_content_may_come_in_parts(client: AsyncOpenAI) -> None:
    head, tail = PASSAGES[:100], PASSAGES[100:]
    parts: list[ChatCompletionMessageParam] = [
        {
            "role": "user",
            "content": [{"type": "text", "text": head}, {"type": "text", "text": tail}],
        }
    ]
    answer = await client.chat.completions.create(model=CHAT, messages=parts)
    assert answer.choices[0].message.content == ANSWER


async def test_other_prompts_are_declined_honestly(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": "Write a poem."}]
    )
    assert "can only quote" in (answer.choices[0].message.content or "")


async def test_a_chat_needs_messages(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=CHAT, messages=[])
    assert caught.value.param == "messages"


async def test_models_are_listed(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == [EMBEDDING, CHAT]


async def test_errors_outside_the_api_have_its_shape(http: httpx.AsyncClient) -> None:
    missing = await http.get("/v1/files")
    malformed = await http.post("/v1/embeddings", content=b"{")
    assert (missing.status_code, malformed.status_code) == (404, 400)
    for response in (missing, malformed):
        error = response.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] == "invalid_request_error"
