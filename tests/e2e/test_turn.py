"""Questions to the whole stack: gateway, Lambda, PostgreSQL, Qdrant, the models."""

from itertools import pairwise
from typing import Any

import httpx

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.conftest import put

REFUSAL = "I can only answer based on the selected text, and the answer is not present there."
GEARS = """# Gears

## Harmonic drives

A harmonic drive has almost no backlash, which is why robot joints use it.

## Lubrication

Grease in a gearbox has to be renewed every two thousand hours of operation.
"""


async def ask(client: httpx.AsyncClient, question: str, **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/chat", json={"question": question, **more})
    assert answer.status_code == 200, answer.text
    turn: dict[str, Any] = answer.json()
    return turn


async def test_a_question_is_answered_with_proven_sources(client: httpx.AsyncClient) -> None:
    document = await put(client, "gears.md", GEARS)
    assert document["status"] == "ready", document
    turn = await ask(client, "How often must the grease be renewed?")
    assert "two thousand hours" in turn["answer"]
    assert turn["grounded"]
    assert turn["persisted"]
    assert not turn["cached"]
    assert turn["citations"]
    text = (await client.get(f"/v1/documents/{document['id']}/text")).text
    for citation in turn["citations"]:
        assert text[citation["start"] : citation["end"]] == citation["cited_text"]
        assert citation["document_id"] == document["id"]
    for source in turn["sources"]:
        assert text[source["start"] : source["end"]] == source["text"]
        assert source["filename"] == "gears.md"
    assert turn["usage"]["embedding_tokens"] > 0
    assert {"open", "embed", "search", "model", "close"} <= turn["timings"].keys()


async def test_a_session_keeps_both_sides_of_a_turn(client: httpx.AsyncClient) -> None:
    await put(client, "gears.md", GEARS)
    first = await ask(client, "Why do joints use harmonic drives?")
    session = first["session_id"]
    second = await ask(client, "And the grease?", session_id=session)
    assert second["session_id"] == session
    listed = (await client.get(f"/v1/sessions/{session}/messages")).json()
    assert [m["role"] for m in listed["data"]] == ["user", "assistant"] * 2
    assert [m["content"] for m in listed["data"]][0::2] == [
        "Why do joints use harmonic drives?",
        "And the grease?",
    ]
    assert listed["data"][1]["id"] == first["message_id"]
    shown = (await client.get(f"/v1/sessions/{session}")).json()
    assert shown["message_count"] == 4
    assert shown["title"] == "Why do joints use harmonic drives?"


async def test_selected_text_is_all_that_is_used(client: httpx.AsyncClient) -> None:
    await put(client, "gears.md", GEARS)
    selection = "The torso weighs 24 kilograms. Its battery lasts for two hours."
    turn = await ask(client, "How much does the torso weigh?", selected_text=selection)
    assert "24 kilograms" in turn["answer"]
    (source,) = turn["sources"]
    assert source["text"] == selection
    assert source["document_id"] is source["version"] is None
    for citation in turn["citations"]:
        assert selection[citation["start"] : citation["end"]] == citation["cited_text"]
    missing = await ask(client, "How often must the grease be renewed?", selected_text=selection)
    assert missing["answer"] == REFUSAL
    assert not missing["grounded"]


async def test_an_empty_corpus_says_so(client: httpx.AsyncClient) -> None:
    turn = await ask(client, "Why do joints use harmonic drives?")
    assert turn["sources"] == turn["citations"] == []
    assert not turn["grounded"]
    assert turn["usage"]["completion_tokens"] == 0


async def test_tenants_and_users_do_not_meet(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant
) -> None:
    await put(client, "gears.md", GEARS)
    turn = await ask(client, "Why do joints use harmonic drives?")
    local = {"Authorization": "Bearer quire-local-key"}
    document = turn["sources"][0]["document_id"]
    foreign_paths = (
        f"/v1/sessions/{turn['session_id']}",
        f"/v1/sessions/{turn['session_id']}/messages",
        f"/v1/documents/{document}",
        f"/v1/documents/{document}/text",
    )
    for path in foreign_paths:
        assert (await client.get(path, headers=local)).status_code == 404
    body = {"question": "Why?", "session_id": turn["session_id"]}
    assert (await client.post("/v1/chat", json=body, headers=local)).status_code == 404
    other_user = tenant.headers("somebody-else")
    assert (await client.post("/v1/chat", json=body, headers=other_user)).status_code == 404
    found = await client.post("/v1/retrieve", json={"question": "harmonic drive"}, headers=local)
    assert document not in {chunk["document_id"] for chunk in found.json()["chunks"]}


async def test_retrieval_can_be_narrowed(client: httpx.AsyncClient) -> None:
    first = await put(client, "a.md", "Robots walk on two legs.")
    await put(client, "b.md", "Robots walk on four legs.")
    body = {"question": "How do robots walk?", "top_k": 5}
    both = (await client.post("/v1/retrieve", json=body)).json()["chunks"]
    assert {chunk["filename"] for chunk in both} == {"a.md", "b.md"}
    for filters in ({"filename": ["a.md"]}, {"document_id": [first["id"]]}):
        narrowed = await client.post("/v1/retrieve", json={**body, "filters": filters})
        assert {chunk["filename"] for chunk in narrowed.json()["chunks"]} == {"a.md"}


async def test_neighbours_are_read_as_one_passage(client: httpx.AsyncClient) -> None:
    parts = [f"## Gait {n}\n\n" + f"Gait number {n} moves the legs. " * 20 for n in range(6)]
    document = await put(client, "gaits.md", "# Gaits\n\n" + "\n\n".join(parts))
    question = {"question": "How does gait number 3 move the legs?", "top_k": 2}
    alone = (await client.post("/v1/retrieve", json=question)).json()["chunks"]
    turn = (await client.post("/v1/chat", json=question)).json()
    text = (await client.get(f"/v1/documents/{document['id']}/text")).text
    for source in turn["sources"]:
        assert source["text"] == text[source["start"] : source["end"]]
    for cited in turn["citations"]:
        assert cited["cited_text"] == text[cited["start"] : cited["end"]]
    assert max(len(s["text"]) for s in turn["sources"]) > max(len(c["text"]) for c in alone)
    spans = sorted((source["start"], source["end"]) for source in turn["sources"])
    assert all(end <= start for (_, end), (start, _) in pairwise(spans)), "nothing is given twice"


async def test_the_streaming_app_serves_the_same_routes(stack: Stack, tenant: Tenant) -> None:
    async with httpx.AsyncClient(
        base_url=stack.configuration.stream_url, headers=tenant.headers(), timeout=40
    ) as direct:
        turn = await ask(direct, "Is anything here?")
        assert (await direct.get(f"/v1/sessions/{turn['session_id']}")).status_code == 200


async def test_sessions_are_made_renamed_listed_and_deleted(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/sessions", json={"title": "One", "metadata": {"a": [1]}})
    assert made.status_code == 201
    session = made.json()["id"]
    assert (await client.post("/v1/sessions")).status_code == 201
    changed = await client.patch(f"/v1/sessions/{session}", json={"title": "Two"})
    assert (changed.json()["title"], changed.json()["metadata"]) == ("Two", {"a": [1]})
    page = (await client.get("/v1/sessions", params={"limit": 1})).json()
    assert page["has_more"]
    rest = (await client.get("/v1/sessions", params={"after": page["last_id"]})).json()
    assert [s["id"] for s in rest["data"]] == [session]
    assert (await client.delete(f"/v1/sessions/{session}")).status_code == 204
    assert (await client.get(f"/v1/sessions/{session}")).status_code == 404
