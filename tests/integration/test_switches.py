"""The switches of a stage: read from Secrets Manager, heard by every app, lost with nobody."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import boto3
import httpx
import pytest
from fastapi import APIRouter

from local.provision import REGION, credentials
from local.stack import Stack
from quire.domain import Limits
from quire.security import Security
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.idempotency import IdempotencyKeys
from quire.store.limits import RateLimits
from quire.store.users import Users
from quire.switches import Switchboard, Switches
from quire.web import create_app
from quire.web.door import Door
from tests.conftest import Tenant


class Secret:
    """What whoever runs a stage writes."""

    def __init__(self, url: str) -> None:
        session = boto3.Session("local", "local", region_name=REGION)
        self._vault = session.client("secretsmanager", endpoint_url=url)
        self.name = f"switches-{uuid4().hex}"
        self._vault.create_secret(Name=self.name, SecretString="{}")

    def say(self, told: object) -> None:
        text = told if isinstance(told, str) else json.dumps(told)
        self._vault.put_secret_value(SecretId=self.name, SecretString=text)


@pytest.fixture
def secret(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Secret:
    for name, value in credentials(stack.configuration.aws_url).items():
        monkeypatch.setenv(name, value)
    return Secret(stack.configuration.aws_url)


async def test_what_is_said_is_heard_and_taken_back(secret: Secret) -> None:
    board = Switchboard(secret.name, seconds=0)
    assert await board.read() == Switches()
    secret.say({"hyde": False, "suspended": ["acme"]})
    assert await board.read() == Switches(hyde=False, suspended=["acme"])
    secret.say({})
    assert await board.read() == Switches()


async def test_it_is_not_looked_at_for_every_request(secret: Secret) -> None:
    board = Switchboard(secret.name, seconds=60)
    await board.read()
    secret.say({"hyde": False})
    assert (await board.read()).hyde


@pytest.mark.parametrize("nonsense", ["{", "[]", '{"hyde": "no"}', '{"suspended": "acme"}'])
async def test_what_is_not_understood_changes_nothing(secret: Secret, nonsense: str) -> None:
    board = Switchboard(secret.name, seconds=0)
    secret.say({"read_only": True})
    await board.read()
    secret.say(nonsense)
    assert (await board.read()).read_only


async def test_while_nobody_can_be_asked_they_stay_as_they_are(
    secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret.say({"read_only": True})
    board = Switchboard(secret.name, seconds=0)
    await board.read()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    lost = Switchboard(secret.name, seconds=0)
    assert await lost.read() == Switches()
    lost.current = board.current
    assert (await lost.read()).read_only


def test_who_is_let_in_and_what_is_read() -> None:
    assert Switches().stores
    assert not Switches(persistence=False).stores
    assert not Switches(read_only=True).stores
    assert Switches().reads("acme")
    assert not Switches(ingestion=False).reads("acme")
    assert not Switches(suspended=["acme"]).reads("acme")
    assert Switches(suspended=["acme"]).reads("other")


@pytest.fixture
async def client(
    stack: Stack, secret: Secret, make_tenant: Callable[..., Awaitable[Tenant]]
) -> AsyncIterator[httpx.AsyncClient]:
    database = Database(stack.app_url)
    router = APIRouter()

    @router.get("/v1/things")
    @router.post("/v1/things")
    @router.delete("/v1/things")
    @router.post("/v1/chat")
    async def nothing() -> dict[str, str]:
        return {}

    app = create_app(
        "Switched",
        [router],
        max_body=1_000,
        security=Security(ApiKeys(database), Users(database)),
        keys=IdempotencyKeys(database, lease=9),
        limits=RateLimits(database, Limits(key_requests=999, requests=999), timeout=30),
        switches=Switchboard(secret.name, seconds=0),
        spending=re.compile("/none"),
        changeless=re.compile("/v1/chat"),
        door=Door(database.waited, most=9, seconds=30),
    )
    tenant = await make_tenant()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://x",
        headers=tenant.headers("ada"),
        params={"tenant": tenant.id},
    ) as client:
        yield client
    await database.close()


async def test_read_only_reading_and_asking_go_on(
    secret: Secret, client: httpx.AsyncClient
) -> None:
    secret.say({"read_only": True})
    assert (await client.get("/v1/things")).status_code == 200
    assert (await client.post("/v1/chat")).status_code == 200
    for method in ("POST", "DELETE"):
        refused = await client.request(method, "/v1/things")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
        assert refused.json()["dependency"] == "quire"
    secret.say({})
    assert (await client.post("/v1/things")).status_code == 200


async def test_a_suspended_tenant_is_let_nothing_do(
    secret: Secret, client: httpx.AsyncClient
) -> None:
    secret.say({"suspended": ["another"]})
    assert (await client.get("/v1/things")).status_code == 200
    secret.say({"suspended": ["another", client.params["tenant"]]})
    refused = await client.get("/v1/things")
    assert (refused.status_code, refused.json()["code"]) == (403, "tenant_suspended")


async def test_one_user_has_it_to_themselves(secret: Secret, client: httpx.AsyncClient) -> None:
    tenant = client.params["tenant"]
    for only, status in (
        (tenant, 200),
        (f"{tenant}/ada", 200),
        (f"{tenant}/bob", 503),
        ("another", 503),
    ):
        secret.say({"only": only})
        answer = await client.get("/v1/things")
        assert answer.status_code == status, only
