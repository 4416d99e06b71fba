"""A user's conversations: listed, exported, rated and forgotten."""

import secrets
from typing import Any

import httpx
import psycopg

from tests.conftest import Tenant
from tests.e2e.conftest import put
from tests.e2e.test_turn import GEARS, ask

Owner = psycopg.AsyncConnection[tuple[object, ...]]
QUESTION = "How often must the grease be renewed?"


async def messages_of(client: httpx.AsyncClient, session: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/sessions/{session}/messages")
    data: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
    return data


async def test_a_rating_is_shown_to_who_gave_it(client: httpx.AsyncClient) -> None:
    await put(client, "gears.md", GEARS)
    turn = await ask(client, QUESTION)
    shown = await messages_of(client, turn["session_id"])
    assert [m["feedback"] for m in shown] == [None, None]
    path = f"/v1/messages/{turn['message_id']}/feedback"
    await client.post(path, json={"rating": "down"})
    await client.post(path, json={"rating": "up", "comment": "Found it."})
    shown = await messages_of(client, turn["session_id"])
    assert [m["feedback"] for m in shown] == [None, {"rating": "up", "comment": "Found it."}]
    assert [m["status"] for m in shown] == ["complete", "complete"]


async def test_a_turn_whose_worker_is_gone_is_incomplete(
    client: httpx.AsyncClient, owner: Owner
) -> None:
    turn = await ask(client, QUESTION)
    await owner.execute(
        """update messages set status = 'generating', lease_until = now() - interval '1 second'
           where session_id = %s""",
        [turn["session_id"]],
    )
    shown = await messages_of(client, turn["session_id"])
    assert [m["status"] for m in shown] == ["incomplete", "incomplete"]


async def test_a_session_is_touched_when_it_is_read_or_gone_on_with(
    client: httpx.AsyncClient, owner: Owner
) -> None:
    session = (await client.post("/v1/sessions", json={"title": "One"})).json()["id"]
    other = (await client.post("/v1/sessions")).json()

    async def touched() -> bool:
        seen = (await client.get(f"/v1/sessions/{session}")).json()["last_accessed"]
        await owner.execute("update sessions set last_accessed = 'epoch' where id = %s", [session])
        return not seen.startswith("1970")

    await touched()
    assert not await touched(), "to look at it is not to read it"
    await messages_of(client, session)
    assert await touched()
    await client.get(f"/v1/sessions/{session}/export")
    assert await touched()
    await ask(client, QUESTION, session_id=session)
    assert await touched()
    same = (await client.get(f"/v1/sessions/{other['id']}")).json()
    assert same["last_accessed"] == other["last_accessed"]


async def test_a_long_question_is_a_title_of_whole_words(client: httpx.AsyncClient) -> None:
    turn = await ask(client, "Why \n do " + "robot joints use harmonic drives and " * 3)
    title = (await client.get(f"/v1/sessions/{turn['session_id']}")).json()["title"]
    assert title == (
        "Why do robot joints use harmonic drives and robot joints use harmonic drives…"
    )


async def test_the_first_question_gives_a_session_its_title(client: httpx.AsyncClient) -> None:
    for given, then in ((None, "Why?"), ("Mine", "Mine")):
        made = await client.post("/v1/sessions", json={"title": given})
        path = f"/v1/sessions/{made.json()['id']}"
        for question in ("Why?", "And then?"):
            await ask(client, question, session_id=made.json()["id"])
        assert (await client.get(path)).json()["title"] == then


async def test_a_session_is_exported_for_programs(client: httpx.AsyncClient) -> None:
    await put(client, "gears.md", GEARS)
    turn = await ask(client, QUESTION)
    session = turn["session_id"]
    answer = await client.get(f"/v1/sessions/{session}/export", params={"format": "json"})
    assert answer.headers["content-disposition"] == f'attachment; filename="session-{session}.json"'
    exported = answer.json()
    assert exported["messages"] == await messages_of(client, session)
    assert (exported["id"], exported["message_count"]) == (session, 2)
    assert exported["messages"][1]["citations"] == turn["citations"]


async def test_a_session_is_exported_for_people(client: httpx.AsyncClient) -> None:
    await put(client, "gears.md", GEARS)
    turn = await ask(client, QUESTION)
    await client.post(f"/v1/messages/{turn['message_id']}/feedback", json={"rating": "up"})
    path = f"/v1/sessions/{turn['session_id']}/export"
    answer = await client.get(path, params={"format": "md"})
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert f'{turn["session_id"]}.md"' in answer.headers["content-disposition"]
    assert answer.text.startswith(f"# {QUESTION}\n")
    assert f"## Question\n\n{QUESTION}\n" in answer.text
    assert f"## Answer\n\n{turn['answer']}\n" in answer.text
    (citation,) = {c["cited_text"]: c for c in turn["citations"]}.values()
    quoted = f"> **[{citation['index']}]** Gears\n>\n> {citation['cited_text']}"
    assert quoted in answer.text
    assert answer.text.endswith("*Rated up*\n")
    assert (await client.get(path, params={"format": "pdf"})).status_code == 422


async def test_an_export_is_its_users(client: httpx.AsyncClient, tenant: Tenant) -> None:
    session = (await client.post("/v1/sessions")).json()["id"]
    path = f"/v1/sessions/{session}/export"
    assert (await client.get(path)).status_code == 200
    assert (await client.get(path, headers=tenant.headers("another"))).status_code == 404


async def test_nothing_that_quotes_a_deleted_session_is_left(
    client: httpx.AsyncClient, tenant: Tenant, owner: Owner
) -> None:
    await put(client, "gears.md", GEARS)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    asked = await client.post("/v1/chat", json={"question": QUESTION}, headers=key)
    turn = asked.json()
    other = {"Idempotency-Key": secrets.token_hex(8)}
    await client.post("/v1/sessions", json={"title": "Stays"}, headers=other)
    message = f"/v1/messages/{turn['message_id']}"
    quoting: list[tuple[str, dict[str, Any]]] = [
        (f"{message}/feedback", {"rating": "up", "comment": "Found it."}),
        (f"{message}/replay", {}),
        ("/v1/chat", {"question": QUESTION, "session_id": turn["session_id"]}),
    ]
    for path, body in quoting:
        assert (await client.post(path, json=body, headers=key_for(path))).is_success
    tables = ("messages", "retrievals", "feedback", "answer_cache")
    assert all([await _rows(owner, table, tenant) for table in tables])
    path = f"/v1/sessions/{turn['session_id']}"
    assert (await client.delete(path, headers=tenant.headers("another"))).status_code == 404
    assert all([await _rows(owner, table, tenant) for table in tables])
    assert (await client.delete(path)).status_code == 204
    assert [await _rows(owner, table, tenant) for table in tables] == [0, 0, 0, 0]
    again = await client.post("/v1/chat", json={"question": QUESTION}, headers=key)
    assert again.status_code == 409, "it happened, and its answer is gone"
    for path, body in quoting:
        again = await client.post(path, json=body, headers=key_for(path))
        assert again.status_code == 409, path
    kept = await client.post("/v1/sessions", json={"title": "Stays"}, headers=other)
    assert kept.headers["idempotent-replayed"] == "true"
    anew = await ask(client, QUESTION)
    assert not anew["cached"]


async def test_who_is_named_in_the_body_is_forgotten_too(
    client: httpx.AsyncClient, tenant: Tenant
) -> None:
    """The key is its bearer's, the session its user's."""
    body = {
        "model": "quire",
        "user": "somebody",
        "messages": [{"role": "user", "content": QUESTION}],
    }
    key = key_for("completion")
    asked = await client.post("/v1/chat/completions", json=body, headers=key)
    session = asked.json()["quire"]["session_id"]
    gone = await client.delete(f"/v1/sessions/{session}", headers=tenant.headers("somebody"))
    assert gone.status_code == 204
    again = await client.post("/v1/chat/completions", json=body, headers=key)
    assert again.status_code == 409


def key_for(what: str) -> dict[str, str]:
    return {"Idempotency-Key": f"the test's own for {what}"}


async def _rows(owner: Owner, table: str, tenant: Tenant) -> int:
    found = await owner.execute(f"select count(*) from {table} where tenant_id = %s", [tenant.id])
    row = await found.fetchone()
    assert row is not None
    return int(str(row[0]))
