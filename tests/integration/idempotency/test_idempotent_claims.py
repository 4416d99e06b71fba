"""Whose a key is, for what, and for how long."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx
import pytest

from local.stack import Stack
from quire.store.api_keys import hash_key
from quire.store.collections import Collections
from quire.store.database import Database
from tests.conftest import Tenant
from tests.integration.idempotency.conftest import LEASE_SECONDS, Counted, Owner


async def test_a_key_is_its_users(
    client: httpx.AsyncClient,
    counted: Counted,
    make_tenant: Callable[..., Awaitable[Tenant]],
) -> None:
    await client.post("/made")
    strangers = [{"Quire-User": "ada"}, {"Quire-User": "bob"}, (await make_tenant()).headers()]
    for headers in strangers:
        answer = await client.post("/made", headers=headers)
        assert "idempotent-replayed" not in answer.headers
    assert counted.calls == 1 + len(strangers)


async def test_a_key_that_may_less_is_not_shown_what_another_was(
    client: httpx.AsyncClient, counted: Counted, owner: Owner
) -> None:
    await client.post("/made", headers={"Quire-User": "ada"})
    await owner.execute(
        """insert into api_keys (tenant_id, name, hash, scopes, speaks_for_users)
           select tenant_id, 'weak', %s, '{ask}', true from api_keys where hash = %s""",
        [hash_key("weak"), hash_key(client.headers["Authorization"].removeprefix("Bearer "))],
    )
    weak = {"Quire-User": "ada", "Authorization": "Bearer weak"}
    assert (await client.post("/made", headers=weak)).status_code == 422
    await owner.execute("delete from api_keys where name = 'weak'")
    assert counted.calls == 1


@pytest.mark.parametrize(
    ("path", "content"), [("/made", b'{"a":1}'), ("/failing", b""), ("/made?a=1", b"")]
)
async def test_a_key_is_for_one_request(
    client: httpx.AsyncClient, counted: Counted, path: str, content: bytes
) -> None:
    await client.post("/made")
    json = {"Content-Type": "application/json"} if content else {}
    answer = await client.post(path, content=content, headers=json)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert counted.calls == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "schlüssel"])
async def test_a_key_is_printable_and_short(
    client: httpx.AsyncClient, counted: Counted, key: str
) -> None:
    answer = await client.post("/made", headers={b"Idempotency-Key": key.encode()})
    assert answer.status_code == 422
    assert counted.calls == 0
    longest = await client.post("/made", headers={"Idempotency-Key": "x" * 255})
    assert longest.status_code == 201


async def test_who_is_not_known_is_told_so(client: httpx.AsyncClient) -> None:
    answer = await client.post("/made", headers={"Authorization": "Bearer nobody"})
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:quire:problem:unauthenticated"


async def test_one_in_flight_is_waited_for(client: httpx.AsyncClient, counted: Counted) -> None:
    first = asyncio.create_task(client.post("/waiting"))
    while not counted.calls:
        await asyncio.sleep(0.01)
    meanwhile = await client.post("/waiting")
    assert meanwhile.status_code == 409
    assert int(meanwhile.headers["retry-after"]) > 0
    counted.gate.set()
    assert (await first).status_code == 201
    assert (await client.post("/waiting")).headers["idempotent-replayed"] == "true"
    assert counted.calls == 1


async def test_of_many_at_once_one_happens(client: httpx.AsyncClient, counted: Counted) -> None:
    answers = await asyncio.gather(*(client.post("/made") for _ in range(20)))
    assert counted.calls == 1
    assert {answer.status_code for answer in answers} <= {201, 409}


async def test_a_crash_ends_with_its_lease(client: httpx.AsyncClient, counted: Counted) -> None:
    crashed = asyncio.create_task(client.post("/waiting"))
    while not counted.calls:
        await asyncio.sleep(0.01)
    crashed.cancel()
    await asyncio.wait({crashed})
    assert (await client.post("/waiting")).status_code == 409
    await asyncio.sleep(LEASE_SECONDS)
    counted.gate.set()
    assert (await client.post("/made")).status_code == 422, "the key still is for that request"
    assert (await client.post("/waiting")).status_code == 201
    assert counted.calls == 2


async def test_who_lost_the_claim_does_not_answer_for_the_other(
    client: httpx.AsyncClient, counted: Counted, owner: Owner
) -> None:
    slow = asyncio.create_task(client.post("/waiting"))
    while not counted.calls:
        await asyncio.sleep(0.01)
    # Its lease is over, and another has taken its place.
    key, other = client.headers["Idempotency-Key"], uuid4()
    await owner.execute("update idempotency_keys set claim = %s where key = %s", [other, key])
    counted.gate.set()
    assert (await slow).status_code == 201
    found = await owner.execute("select claim, status from idempotency_keys where key = %s", [key])
    assert await found.fetchall() == [(other, None)]


async def test_a_key_is_forgotten_after_a_day(
    stack: Stack, client: httpx.AsyncClient, counted: Counted, owner: Owner
) -> None:
    key = [client.headers["Idempotency-Key"]]
    expire = "update idempotency_keys set expires_at = now() - interval '1 second' where key = %s"
    await client.post("/made")
    await owner.execute(expire, key)
    assert (await client.post("/failing")).status_code == 201, "it is free, swept or not"
    assert counted.calls == 2
    await owner.execute(expire, key)
    database = Database(stack.app_url)
    assert await Collections(database).expire_caches(until=time.monotonic() + 5) >= 1
    await database.close()
    left = await owner.execute("select from idempotency_keys where key = %s", key)
    assert await left.fetchall() == []


async def test_keys_go_with_their_user(client: httpx.AsyncClient, owner: Owner) -> None:
    await client.post("/made", headers={"Quire-User": "leaving"})
    await owner.execute("delete from users where id = 'leaving'")
    answer = await client.post("/made", headers={"Quire-User": "leaving"})
    assert "idempotent-replayed" not in answer.headers
