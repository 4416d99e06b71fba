"""Whatever comes in, what goes out is a problem a person understands, and nothing else."""

import json
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.conftest import Tenant

JSON = {"Content-Type": "application/json"}
LEAKS = ("Traceback", "/site-packages", "postgresql://", "psycopg", "quire_app", 'File "')


def check_problem(answer: httpx.Response, status: int, *, field: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:quire:problem:")
    assert {"title", "detail", "instance", "request_id"} <= problem.keys()
    assert not any(leak in answer.text for leak in LEAKS)
    if field is not None:
        assert field in {error["field"] for error in problem["errors"]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": ""}, "question"),
        ({"question": " \n "}, "question"),
        ({"question": "\u200b \u202e\ufe0f\u2060"}, "question"),
        ({"question": "x" * 2001}, "question"),
        ({"question": 7}, "question"),
        ({"question": None}, "question"),
        ({"question": "nul \0 inside"}, "question"),
        ({"question": "lone \ud800 surrogate"}, "question"),
        ({"question": "x", "colour": "red"}, "colour"),
        ({"question": "x", "\ud800": 1}, "body"),
        ({"question": "x", "top_k": 0}, "top_k"),
        ({"question": "x", "top_k": 17}, "top_k"),
        ({"question": "x", "top_k": "many"}, "top_k"),
        ({"question": "x", "temperature": 1.5}, "temperature"),
        ({"question": "x", "temperature": float("nan")}, "temperature"),
        ({"question": "x", "selected_text": ""}, "selected_text"),
        ({"question": "x", "selected_text": " \u200b"}, "selected_text"),
        ({"question": "x", "selected_text": "y" * 4001}, "selected_text"),
        ({"question": "x", "filters": {"author": "me"}}, "filters.author"),
        ({"question": "x", "filters": {"version": [2**63]}}, "filters.version.0"),
        (
            {"question": "x", "filters": {"date": {"since": "0001-01-01T00:00:00+14:00"}}},
            "filters.date.since",
        ),
        ([], "body"),
        ("question", "body"),
    ],
)
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, body: Any, field: str) -> None:
    answer = await client.post("/v1/chat", content=json.dumps(body), headers=JSON)
    check_problem(answer, 422, field=field)


@pytest.mark.parametrize("name", ["two\nlines", "a bell\x07", "tur\u202ened", "\u200b"])
async def test_a_name_is_a_line_that_can_be_seen(client: httpx.AsyncClient, name: str) -> None:
    key, session = {"name": name, "scopes": ["ask"]}, {"title": name}
    check_problem(await client.post("/v1/admin/keys", json=key), 422, field="name")
    check_problem(await client.post("/v1/sessions", json=session), 422, field="title")


async def test_null_is_as_good_as_left_out(client: httpx.AsyncClient) -> None:
    nothing = {"session_id": None, "selected_text": None, "top_k": None, "filters": None}
    answer = await client.post("/v1/chat", json={"question": "Why?", **nothing})
    assert answer.status_code == 200
    searched = {"question": "Why?", "top_k": None, "filters": None, "hyde": None}
    assert (await client.post("/v1/retrieve", json=searched)).status_code == 200


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"question": "x"', b"\xff\xfe\xfd", b"[" * 30_000, b'{"a": 1e}']
)
async def test_what_is_not_json_is_malformed(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/v1/chat", content=content, headers=JSON)
    check_problem(answer, 422 if content == b"" else 400)


async def test_only_json_is_read(client: httpx.AsyncClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = await client.post(
            "/v1/chat", content=b'{"question": "x"}', headers={"Content-Type": content_type}
        )
        check_problem(answer, 415)


async def test_too_much_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat", json={"question": "x", "pad": "y" * 70_000})
    check_problem(answer, 413)
    document = {"filename": "big.md", "content": "é" * 600_000}
    check_problem(await client.post("/v1/documents", json=document), 413)
    listed = await client.get("/v1/documents")
    assert listed.json()["data"] == [], "a refused document leaves nothing behind"


@pytest.mark.parametrize("session", ["nope", "00000000-0000-7000-8000-000000000000", "", "x" * 500])
async def test_an_unknown_session_is_not_there(client: httpx.AsyncClient, session: str) -> None:
    body = {"question": "x", "session_id": session}
    check_problem(await client.post("/v1/chat", json=body), 404)
    if session:
        check_problem(await client.get(f"/v1/sessions/{session}"), 404)
        check_problem(await client.delete(f"/v1/sessions/{session}"), 404)


async def test_ids_of_nothing_are_not_there(client: httpx.AsyncClient) -> None:
    for path in (
        "/v1/documents/nope",
        "/v1/documents/nope/text",
        "/v1/jobs/nope",
        "/v1/nothing",
        "/health/nothing",
        "/nothing",
    ):
        check_problem(await client.get(path), 404)
    check_problem(await client.delete("/v1/documents/nope"), 404)
    check_problem(await client.get("/v1/documents", params={"after": "nope"}), 404)


async def test_being_alive_is_told_to_who_wants_no_body(client: httpx.AsyncClient) -> None:
    answer = await client.head("/health")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_wrong_methods_and_parameters(client: httpx.AsyncClient) -> None:
    check_problem(await client.put("/v1/sessions", json={}), 405)
    check_problem(await client.get("/v1/documents", params={"limit": "0"}), 422, field="limit")
    check_problem(await client.get("/v1/documents", params={"status": "odd"}), 422, field="status")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"filename": "", "content": "x"}, "filename"),
        ({"filename": "../x.md", "content": "x"}, "filename"),
        ({"filename": "a\nb.md", "content": "x"}, "filename"),
        ({"filename": "\u202egpj.exe", "content": "x"}, "filename"),
        ({"filename": "\u200b", "content": "x"}, "filename"),
        ({"filename": "é" * 600, "content": "x"}, "filename"),
        ({"filename": "a.md", "content": ""}, "content"),
        ({"filename": "a.md", "content": "nul \0"}, "content"),
        ({"filename": "a.md", "content": "x", "content_type": "nonsense"}, "content_type"),
        ({"filename": "a.md", "content": "x", "metadata": {"a": 1}}, "metadata.a"),
        ({"filename": "a.md", "content": "x", "metadata": {"a": "\ud800"}}, "metadata.a"),
        ({"filename": "a.md", "content": "x", "metadata": {"A b": "c"}}, "metadata"),
        ({"filename": "a.md", "content": "x", "metadata": {"a": "b" * 2000}}, "metadata"),
        ({"filename": "a.md", "content": "x", "metadata": {"a": "b\nc"}}, "metadata"),
    ],
)
async def test_a_document_that_cannot_be_kept_is_refused(
    client: httpx.AsyncClient, document: dict[str, Any], field: str
) -> None:
    answer = await client.post("/v1/documents", content=json.dumps(document), headers=JSON)
    check_problem(answer, 422, field=field)


async def test_metadata_comes_back_as_it_went_in(client: httpx.AsyncClient) -> None:
    metadata = {"chapter": "Überblick 😀", "book_version": "1.2"}
    document = {"filename": "a.md", "content": "Text.", "metadata": metadata}
    made = await client.post("/v1/documents", json=document)
    seen = await client.get(made.headers["Location"])
    assert seen.json()["metadata"] == metadata


async def test_who_calls_has_to_be_known(client: httpx.AsyncClient, tenant: Tenant) -> None:
    body = {"question": "x"}
    for headers in (
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic abc"},
        {"Authorization": f"Bearer {tenant.key}x"},
    ):
        answer = await client.post("/v1/chat", json=body, headers=headers)
        check_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("user", ["", "x" * 201, "J\u00f6rg", "tab\there"])
async def test_a_user_is_plain_ascii(client: httpx.AsyncClient, user: str) -> None:
    answer = await client.get("/v1/sessions", headers=[(b"Quire-User", user.encode("latin-1"))])
    check_problem(answer, 422, field="Quire-User")


async def test_what_is_nested_deeply_is_refused(client: httpx.AsyncClient, stack: Stack) -> None:
    # From where each part of what reads JSON, by calling itself, comes to its end.
    for levels in (300, *range(450, 1_000, 50), 2_000):
        deep = '{"a":' * levels + "1" + "}" * levels
        nots = '{"not":[' * levels + "{}" + "]}" * levels
        for path, body in (
            (f"{stack.configuration.stream_url}/v1/sessions", f'{{"metadata": {deep}}}'),
            ("/v1/sessions", f'{{"metadata": {deep}}}'),
            ("/v1/documents", f'{{"filename": "a.md", "content": "b", "metadata": {deep}}}'),
            ("/v1/retrieve", f'{{"question": "x", "filters": {nots}}}'),
            ("/v1/chat", f'{{"question": {deep}}}'),
            ("/v1/chat/completions", f'{{"messages": [{deep}]}}'),
        ):
            answer = await client.post(path, content=body, headers=JSON)
            assert answer.status_code in (400, 422), (levels, path, answer.text)
    assert (await client.get("/v1/sessions")).json()["data"] == []


async def test_a_key_does_what_its_scopes_say(
    api: httpx.AsyncClient, make_tenant: Any, stack: Any
) -> None:
    asker, keeper = await make_tenant(scopes=("ask",)), await make_tenant(scopes=("ingest",))
    check_problem(await api.get("/v1/documents", headers=asker.headers()), 403)
    check_problem(await api.get("/v1/sessions", headers=keeper.headers()), 403)
    assert (await api.get("/v1/sessions", headers=asker.headers())).status_code == 200
    assert (await api.get("/v1/documents", headers=keeper.headers())).status_code == 200
