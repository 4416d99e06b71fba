"""OpenAI's own SDK for Python, unchanged but for the address: what it is answered."""

import httpx
from openai import AsyncOpenAI

from tests.e2e.dialect.conftest import ASKED, QUESTION


async def test_an_answer_has_its_proofs_as_annotations(
    sdk: AsyncOpenAI, client: httpx.AsyncClient, text: str
) -> None:
    completion = await sdk.chat.completions.create(**ASKED)
    (choice,) = completion.choices
    assert "two thousand hours" in str(choice.message.content)
    assert choice.finish_reason == "stop"
    assert completion.usage
    assert completion.usage.total_tokens > 0
    quire = (completion.model_extra or {})["quire"]
    assert (quire["grounded"], quire["persisted"], quire["cached"]) == (True, True, False)
    annotations = choice.message.annotations or []
    assert len(annotations) == len(quire["citations"]) > 0
    for annotation, citation in zip(annotations, quire["citations"], strict=True):
        cited = annotation.url_citation
        assert cited.title == citation["title"]
        assert text[citation["start"] : citation["end"]] == citation["cited_text"]
        assert citation["document_id"] in cited.url
        assert (await client.get(cited.url)).text == citation["cited_text"]
    again = await sdk.chat.completions.create(**ASKED)
    assert (again.model_extra or {})["quire"]["cached"], "alone, a question can be cached"


async def test_a_stream_says_the_same(sdk: AsyncOpenAI, text: str) -> None:
    whole = await sdk.chat.completions.create(**ASKED)
    chunks = [
        chunk
        async for chunk in await sdk.chat.completions.create(
            **ASKED, stream=True, stream_options={"include_usage": True}
        )
    ]
    *told, last, usage = chunks
    shown = "".join(chunk.choices[0].delta.content or "" for chunk in told)
    assert shown == whole.choices[0].message.content
    assert last.choices[0].finish_reason == "stop"
    annotations = (last.choices[0].delta.model_extra or {})["annotations"]
    assert len(annotations) == len(whole.choices[0].message.annotations or [])
    assert (last.model_extra or {})["quire"]["sources"]
    assert usage.choices == []
    assert usage.usage
    async with sdk.chat.completions.stream(**ASKED) as helper:
        final = await helper.get_final_completion()
    assert final.choices[0].message.content == shown


async def test_a_session_goes_on(sdk: AsyncOpenAI, client: httpx.AsyncClient, text: str) -> None:
    first = await sdk.chat.completions.create(**ASKED)
    session = (first.model_extra or {})["quire"]["session_id"]
    second = await sdk.chat.completions.create(
        **ASKED, extra_body={"quire": {"session_id": session}}
    )
    assert (second.model_extra or {})["quire"]["session_id"] == session
    listed = (await client.get(f"/v1/sessions/{session}/messages")).json()["data"]
    assert [message["role"] for message in listed] == ["user", "assistant"] * 2


async def test_a_conversation_of_the_callers_is_a_session_of_one_turn(
    sdk: AsyncOpenAI, client: httpx.AsyncClient, text: str
) -> None:
    first = await sdk.chat.completions.create(**ASKED)
    messages = [*ASKED["messages"], first.choices[0].message, *ASKED["messages"]]
    second = await sdk.chat.completions.create(model="quire", messages=messages)
    quire = (second.model_extra or {})["quire"]
    assert not quire["cached"]
    listed = (await client.get(f"/v1/sessions/{quire['session_id']}/messages")).json()["data"]
    assert [message["content"] for message in listed][0::2] == [QUESTION]


async def test_a_selection_has_no_address(sdk: AsyncOpenAI) -> None:
    selected = {"selected_text": "Grease has to be renewed every two thousand hours."}
    completion = await sdk.chat.completions.create(**ASKED, extra_body={"quire": selected})
    assert completion.choices[0].message.annotations == []
    assert (completion.model_extra or {})["quire"]["grounded"]
