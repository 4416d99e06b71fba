"""What the running stack answers is what the API reference says, at both doors."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from local.stack import Stack
from tests.conftest import Tenant
from tests.documented import DOCUMENT, Documented
from tests.e2e.conftest import finished, put, settled
from tests.e2e.test_turn import GEARS

QUESTION = {"question": "How often must the grease be renewed?"}
COMPLETION = {
    "model": "quire",
    "messages": [{"role": "user", "content": QUESTION["question"]}],
}
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def documented() -> Documented:
    return Documented()


@pytest.fixture
async def held(stack: Stack, documented: Documented) -> AsyncIterator[httpx.AsyncClient]:
    """The API as nobody; every answer is held against the reference."""
    async with httpx.AsyncClient(
        base_url=stack.configuration.api_url,
        timeout=40,
        event_hooks={"response": [documented.check_answer]},
    ) as client:
        yield client


@pytest.fixture
def known(held: httpx.AsyncClient, tenant: Tenant) -> httpx.AsyncClient:
    held.headers.update(tenant.headers("ada"))
    return held


@pytest.fixture(params=["api", "stream"])
def url(request: pytest.FixtureRequest, stack: Stack) -> str:
    configured = stack.configuration
    return configured.api_url if request.param == "api" else configured.stream_url


async def test_both_doors_show_it(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=40) as client:
        assert (await client.get("/openapi.json")).json() == json.loads(DOCUMENT.read_text())
        page = await client.get("/docs")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        for name, kind in (("swagger-ui.js", "text/javascript"), ("swagger-ui.css", "text/css")):
            assert f'"docs/{name}"' in page.text
            part = await client.get(urljoin("/docs", f"docs/{name}"))
            assert part.status_code == 200
            assert part.headers["content-type"].startswith(kind)
            assert len(part.content) > 100_000


async def test_every_endpoint_answers_as_documented(
    known: httpx.AsyncClient, stack: Stack, tenant: Tenant, documented: Documented
) -> None:
    document = (await put(known, "gears.md", GEARS))["id"]
    await converse(known)
    await administer(known)
    await admit(known, stack.configuration.api_key.get_secret_value(), f"{tenant.id}-too")
    await look_at(known, document)
    await known.delete(f"/v1/documents/{document}")
    fine = {endpoint for endpoint, status in documented.answered if status < 300}
    assert fine == {f"{method} {path}" for method, path, _ in documented.endpoints()}


async def converse(client: httpx.AsyncClient) -> None:
    session = (await client.post("/v1/sessions", json={"title": "Grease"})).json()["id"]
    turn = (await client.post("/v1/chat", json={**QUESTION, "session_id": session})).json()
    assert turn["grounded"]
    await client.post("/v1/chat", json={**QUESTION, "selected_text": GEARS})
    await client.post("/v1/chat/stream", json=QUESTION)
    await client.post("/v1/retrieve", json=QUESTION)
    await client.get("/v1/models")
    await client.get("/v1/models/quire")
    await client.post("/v1/chat/completions", json=COMPLETION)
    await client.post("/v1/chat/completions", json={**COMPLETION, "stream": True})
    message = f"/v1/messages/{turn['message_id']}"
    await client.get(f"{message}/stream")
    await client.post(f"{message}/replay")
    await client.post(f"{message}/stop")
    await client.post(f"{message}/feedback", json={"rating": "down"})
    await client.get("/v1/sessions")
    await client.get(f"/v1/sessions/{session}")
    await client.patch(f"/v1/sessions/{session}", json={"metadata": {"shelf": 3}})
    await client.get(f"/v1/sessions/{session}/messages")
    await client.get(f"/v1/sessions/{session}/export")
    await client.get(f"/v1/sessions/{session}/export?format=md")
    await client.delete(f"/v1/sessions/{session}")


async def administer(client: httpx.AsyncClient) -> None:
    await client.get("/v1/usage")
    await client.put("/v1/admin/persona", json={"name": "Gearhart"})
    await client.get("/v1/admin/persona")
    job = (await client.post("/v1/admin/jobs", json={"kind": "reconcile"})).json()["job_id"]
    await client.get("/v1/admin/jobs")
    await client.get(f"/v1/jobs/{job}")
    for path in ("/health", "/health/ready", "/health/db"):
        await client.get(path)


async def admit(client: httpx.AsyncClient, operators: str, tenant: str) -> None:
    """And erase again: users are of this tenant, tenants are the operator's."""
    asked = {"name": "site", "scopes": ["ask"]}
    key = f"/v1/admin/keys/{(await client.post('/v1/admin/keys', json=asked)).json()['id']}"
    await client.post(f"{key}/rotate")
    await client.get("/v1/admin/keys")
    await client.delete(key)
    await client.post("/v1/admin/users", json={"id": "bob"})
    await client.get("/v1/admin/users")
    gone = await client.delete("/v1/admin/users/bob")
    assert (await finished(client, gone))["result"]["user_id"] == "bob"
    operator = {"Authorization": f"Bearer {operators}"}
    body = {"id": tenant, "name": "Another"}
    await client.post("/v1/admin/tenants", json=body, headers=operator)
    await client.get("/v1/admin/tenants", headers=operator)
    limits = f"/v1/admin/tenants/{tenant}/limits"
    await client.put(limits, json={"requests": 70}, headers=operator)
    await client.get(limits, headers=operator)
    await client.delete(f"/v1/admin/tenants/{tenant}", headers=operator)


async def look_at(client: httpx.AsyncClient, document: str) -> None:
    await client.post(
        "/v1/uploads", json={"filename": "new.md", "content_type": "text/markdown", "size": 9}
    )
    await client.get("/v1/documents")
    await client.get(f"/v1/documents/{document}/text?end=9")
    await client.get(f"/v1/documents/{document}/proof")
    await client.post(f"/v1/documents/{document}/reingest")
    assert (await settled(client, document))["status"] == "ready"


async def test_what_is_refused_is_documented(
    held: httpx.AsyncClient, tenant: Tenant, documented: Documented
) -> None:
    secured = [one for one in documented.endpoints() if one[2]["security"]]
    for method, path, spec in secured:
        where = path.replace("{model}", "none")
        where = where.replace("{tenant_id}", "none").replace("{user_id}", "none")
        for name in ("session_id", "message_id", "document_id", "job_id", "key_id"):
            where = where.replace(f"{{{name}}}", NOBODY)
        unknown = await held.request(method, where)
        assert unknown.status_code == 401, unknown.text
        for body in wrong_bodies(spec):
            answer = await held.request(method, where, headers=tenant.headers(), **body)
            assert 400 <= answer.status_code < 500
        if "{" in path and "requestBody" not in spec:
            answer = await held.request(method, where, headers=tenant.headers())
            # Tenants are the operator's.
            wanted = 403 if "{tenant_id}" in path else 404
            assert answer.status_code == wanted, answer.text


def wrong_bodies(spec: dict[str, Any]) -> list[dict[str, Any]]:
    if "requestBody" not in spec:
        return []
    return [{"json": {"nonsense": 1}}, {"data": {"a": "form"}}, {"json": []}]
