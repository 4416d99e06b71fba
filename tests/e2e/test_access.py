"""Keys, users, tenants and tokens, at both front doors; the command that is for them."""

import asyncio
import json
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Owner
from tests.e2e.conftest import eventually
from tests.integration.callers.issuing import Issuing, issuing
from tests.integration.cli.command import call

ASKING = {"name": "site", "scopes": ["ask"]}


@pytest.fixture
async def issuer(stack: Stack) -> AsyncIterator[Issuing]:
    (trusted,) = json.loads(stack.configuration.issuers)
    async with issuing(trusted["issuer"]) as listening:
        yield listening


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def status(client: httpx.AsyncClient, key: str, path: str = "/v1/sessions") -> int:
    return (await client.get(path, headers=bearer(key))).status_code


async def test_a_key_is_shown_once(client: httpx.AsyncClient, owner: Owner, tenant: Tenant) -> None:
    asked = {"headers": {"Idempotency-Key": "one"}, "json": ASKING}
    made: httpx.Response = await client.post("/v1/admin/keys", **asked)  # type: ignore[arg-type]
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    key = made.json()["key"]
    assert await status(client, key) == 200
    assert await status(client, key, "/v1/documents") == 403
    assert (await client.post("/v1/admin/keys", **asked)).status_code == 409  # type: ignore[arg-type]
    listed = (await client.get("/v1/admin/keys")).json()["data"]
    assert listed[0]["id"] == made.json()["id"]
    assert "key" not in listed[0]
    # Nowhere in the database either: not in its row, nor in what is kept to be repeated.
    for table in ("api_keys", "idempotency_keys"):
        rows = await owner.execute(
            f"select to_jsonb(t)::text from {table} t where tenant_id = %s", [tenant.id]
        )
        assert key not in str(await rows.fetchall())
        assert key.encode().hex() not in str(rows)


async def test_a_key_is_rotated_and_revoked(client: httpx.AsyncClient) -> None:
    first = (await client.post("/v1/admin/keys", json=ASKING)).json()
    session = await client.post("/v1/sessions", headers=bearer(first["key"]))
    where = f"/v1/sessions/{session.json()['id']}"
    path = f"/v1/admin/keys/{first['id']}"
    second = (await client.post(f"{path}/rotate", json={"overlap_seconds": 60})).json()
    assert await status(client, first["key"], where) == 200
    assert await status(client, second["key"], where) == 200, "its sessions stay in reach"
    assert (await client.delete(path)).json()["revoked_at"]

    async def ended() -> bool:
        return await status(client, first["key"], where) == 401

    await eventually(ended, seconds=10)
    assert await status(client, second["key"], where) == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": ["ask"], "name": ""},
        {"scopes": ["ask"], "expires_at": "2020-01-01T00:00:00Z"},
        {"scopes": ["ask"], "expires_at": "2030-01-01"},
        {"scopes": ["ask"], "expires_at": "0001-01-01T00:00:00+14:00"},
        {"scopes": ["ask"], "expires_at": "9999-12-31T23:59:59-12:00"},
        {"scopes": ["ask"], "expires_at": 253402300799},
        {"scopes": ["ask"], "user_id": "ä"},
        {"scopes": ["ask"], "tenant": "another"},
    ],
)
async def test_what_no_key_is_like(client: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    answer = await client.post("/v1/admin/keys", json={"name": "x", **wrong})
    assert answer.status_code == 422, answer.text
    if until := wrong.get("expires_at"):
        made = (await client.post("/v1/admin/keys", json=ASKING)).json()
        path = f"/v1/admin/keys/{made['id']}/rotate"
        assert (await client.post(path, json={"expires_at": until})).status_code == 422
    assert (await client.get("/v1/admin/keys")).status_code == 200


async def test_an_expiry_is_kept(client: httpx.AsyncClient) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    made = await client.post("/v1/admin/keys", json={**ASKING, "expires_at": until.isoformat()})
    assert datetime.fromisoformat(made.json()["expires_at"]) == until


async def test_only_administrators_make_keys(
    client: httpx.AsyncClient, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    writer = await make_tenant(scopes=("ask", "ingest"))
    for path in ("keys", "users", "tenants"):
        assert await status(client, writer.key, f"/v1/admin/{path}") == 403
    answer = await client.post("/v1/admin/keys", json=ASKING, headers=writer.headers())
    assert answer.status_code == 403


async def test_tenants_are_the_operators(
    client: httpx.AsyncClient, operator: httpx.AsyncClient, tenant: Tenant
) -> None:
    body = {"id": f"{tenant.id}-too", "name": "Another"}
    assert (await client.post("/v1/admin/tenants", json=body)).status_code == 403
    assert (await client.get("/v1/admin/tenants")).status_code == 403
    made = await operator.post("/v1/admin/tenants", json=body)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    first = made.json()["key"]
    key = await client.post("/v1/admin/keys", json=ASKING, headers=bearer(first))
    assert await status(client, key.json()["key"]) == 200
    assert await status(client, first) == 403, "it makes keys and does nothing else"
    assert (await operator.post("/v1/admin/tenants", json=body)).status_code == 409
    page = (await operator.get(f"/v1/admin/tenants?limit=1&after={tenant.id}")).json()
    assert [one["id"] for one in page["data"]] == [body["id"]]


async def test_a_tenants_limits_are_the_operators_to_set(
    client: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    tenant: Tenant,
    make_tenant: Callable[..., Awaitable[Tenant]],
) -> None:
    path = f"/v1/admin/tenants/{tenant.id}/limits"
    before = (await client.get(path)).json()
    assert before["requests"] is None
    assert before["in_force"]["requests"] == 1_000_000
    assert (await client.put(path, json={"requests": 9_999_999})).status_code == 403
    assert (await client.get(path)).json() == before, "nobody raises their own"
    other = await make_tenant()
    assert (await client.get(path, headers=other.headers())).status_code == 403
    put = await operator.put(path, json={"requests": 70, "streams": 2, "dollars": 1.5})
    assert put.status_code == 200, put.text
    own = {"key_requests": None, "requests": 70, "streams": 2, "tokens": None, "dollars": 1.5}
    in_force = {**own, "key_requests": 1_000_000}
    assert put.json() == {"tenant_id": tenant.id, **own, "in_force": in_force}
    seen = await client.get(path)
    assert seen.json() == put.json()
    assert '"tenant";q=70;w=60' in seen.headers["ratelimit-policy"]
    assert (await operator.put(path, json={})).json() == before
    absent = await operator.put("/v1/admin/tenants/nobody-at-all/limits", json={})
    assert absent.status_code == 404
    assert (await operator.get("/v1/admin/tenants/nobody-at-all/limits")).status_code == 404
    for wrong in ({"requests": 0}, {"streams": -1}, {"tokens": 2**63}, {"dollar": 1}):
        assert (await operator.put(path, json=wrong)).status_code == 422


async def test_a_token_opens_both_doors(
    stack: Stack, tenant: Tenant, client: httpx.AsyncClient, issuer: Issuing
) -> None:
    token = issuer.sign(tenant=tenant.id, sub="auth0|ada", scope="ask")
    urls = (stack.configuration.api_url, stack.configuration.stream_url)
    for url in urls:
        async with httpx.AsyncClient(base_url=url, headers=bearer(token), timeout=40) as door:
            session = (await door.post("/v1/sessions")).json()["id"]
            assert (await door.get(f"/v1/sessions/{session}")).status_code == 200
            mutant = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]
            assert await status(door, mutant) == 401
            assert (
                await door.get("/v1/sessions", headers={"Quire-User": "bob"})
            ).status_code == 403
            bob = issuer.sign(tenant=tenant.id, sub="bob", scope="ask")
            assert await status(door, bob, f"/v1/sessions/{session}") == 404
    assert await status(client, token, "/v1/documents") == 403
    writer = issuer.sign(tenant=tenant.id, sub="ada", scope="ingest admin")
    assert await status(client, writer, "/v1/documents") == 200
    assert await status(client, writer, "/v1/admin/keys") == 403, "more than its issuer may give"
    for nowhere in ("nobody", None):
        assert await status(client, issuer.sign(tenant=nowhere, scope="ask")) == 401

    revoked = await client.post("/v1/admin/users", json={"id": "auth0|ada", "revoked": True})
    assert revoked.json()["revoked_at"]

    async def shut_out() -> bool:
        answers = await asyncio.gather(*(_at(url, token) for url in urls))
        return answers == [401, 401]

    await eventually(shut_out, seconds=10)
    listed = (await client.get("/v1/admin/users?limit=1")).json()
    assert (listed["data"][0]["id"], listed["data"][0]["sessions"]) == ("auth0|ada", 2)
    await client.post("/v1/admin/users", json={"id": "auth0|ada"})
    assert [await _at(url, token) for url in urls] == [200, 200]


async def test_the_command(stack: Stack, tenant: Tenant, tmp_path: Path) -> None:
    async def quire(*arguments: str, key: str = tenant.key) -> str:
        url = stack.configuration.api_url
        ended = await call(*arguments, QUIRE_URL=url, QUIRE_API_KEY=key)
        assert ended.code == 0, ended.err
        return ended.out

    key = (await quire("keys", "create", "site", "--scope", "ask", "--days", "2")).strip()
    assert await quire("sessions", key=key)
    shown = json.loads(await quire("keys", "list", "--json"))["data"][0]
    assert shown["scopes"] == ["ask"]
    assert key.startswith(shown["prefix"])
    assert shown["prefix"] in await quire("keys", "list")
    another = (await quire("keys", "rotate", shown["id"], "--overlap", "0.01")).strip()
    assert await quire("sessions", key=another)
    assert "site" in await quire("keys", "revoke", shown["id"])
    assert "a/b" in await quire("users", "create", "a/b")
    assert "a/b" in await quire("users", "revoke", "a/b")
    assert json.loads(await quire("users", "list", "--json"))["data"][0]["revoked_at"]
    to = tmp_path / "all.tar"
    assert "users" in await quire("users", "export", "a/b", "--to", str(to))
    with tarfile.open(to) as archive:
        assert "about.json" in archive.getnames()
    assert "a/b is deleted." in await quire("users", "delete", "a/b", "--yes")
    operator = stack.configuration.api_key.get_secret_value()
    assert await quire("tenants", "create", f"{tenant.id}-three", key=operator)
    assert f"{tenant.id}-three" in await quire("tenants", "list", key=operator)
    gone = await quire("tenants", "delete", f"{tenant.id}-three", "--yes", key=operator)
    assert f"{tenant.id}-three is deleted." in gone


async def _at(url: str, key: str) -> int:
    async with httpx.AsyncClient(base_url=url, timeout=40) as door:
        return await status(door, key)
