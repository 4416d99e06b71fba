"""What a browser is told: which pages may call, and what an answer is not to be taken for."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from pydantic import ValidationError

from functions.chat.routes.reference import reference_routes
from quire.domain import Limits
from quire.errors import NotFound
from quire.kept import RuntimeSecret
from quire.security import Security
from quire.settings import Settings
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.idempotency import IdempotencyKeys
from quire.store.limits import RateLimits
from quire.store.users import Users
from quire.switches import Switchboard
from quire.web import create_app
from quire.web.door import Door

OURS, ANOTHERS = "https://app.example", "https://evil.example"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    router, nobody = APIRouter(), Database("postgresql://quire_app@127.0.0.1:1/none")

    @router.post("/v1/things")
    async def things() -> dict[str, str]:
        return {}

    @router.get("/v1/absent")
    async def absent() -> None:
        raise NotFound("There is no such thing.")

    @router.get("/v1/broken")
    async def broken() -> None:
        raise RuntimeError

    app = create_app(
        "Browsed",
        [router, reference_routes()],
        max_body=1_000,
        security=Security(ApiKeys(nobody), Users(nobody)),
        keys=IdempotencyKeys(nobody, lease=9),
        limits=RateLimits(nobody, Limits(key_requests=1, requests=1)),
        switches=Switchboard(None, seconds=1),
        spending=re.compile("/none"),
        changeless=re.compile("/none"),
        door=Door(nobody.waited, most=9, seconds=1),
        origins=[OURS],
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,quire-user",
    }


async def test_a_page_of_ours_may_ask(client: httpx.AsyncClient) -> None:
    told = await client.options("/v1/things", headers=preflight(OURS))
    assert told.status_code == 200
    assert told.headers["access-control-allow-origin"] == OURS
    assert told.headers["access-control-allow-credentials"] == "true"
    assert told.headers["access-control-max-age"] == "600"
    answer = await client.post("/v1/things", headers={"Origin": OURS})
    assert answer.headers["access-control-allow-origin"] == OURS
    assert "Origin" in answer.headers["vary"]
    assert "RateLimit" in answer.headers["access-control-expose-headers"]


async def test_anothers_page_may_not(client: httpx.AsyncClient) -> None:
    told = await client.options("/v1/things", headers=preflight(ANOTHERS))
    assert told.status_code == 400
    answer = await client.post("/v1/things", headers={"Origin": ANOTHERS})
    for one in (told, answer):
        assert "access-control-allow-origin" not in one.headers


@pytest.mark.parametrize(("path", "status"), [("/v1/absent", 404), ("/v1/broken", 500)])
async def test_a_page_of_ours_sees_what_went_wrong(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await client.get(path, headers={"Origin": OURS})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == OURS


@pytest.mark.parametrize("path", ["/v1/absent", "/v1/broken", "/nowhere"])
async def test_every_answer_says_what_it_is_not(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


async def test_the_reference_runs_no_script_but_its_own(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    policies = page.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "script-src 'self' 'sha256-" in policies[0]
    assert page.text.count("<script") == 2
    script = await client.get("/docs/swagger-ui.css")
    assert script.headers["cache-control"] == "public, max-age=86400"


@pytest.mark.parametrize("origin", ["*", "app.example", "https://app.example/", "null", "ftp://a"])
def test_an_origin_is_named(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCUMENTS", "BULK", "MAINTENANCE", "DEAD"):
        monkeypatch.setenv(f"QUIRE_{name}_QUEUE_URL", "http://localhost")
    monkeypatch.setenv("QUIRE_BUCKET", "b")
    monkeypatch.setenv("QUIRE_RUNTIME_SECRET", "s")
    monkeypatch.setenv("QUIRE_ORIGINS", f'["{origin}"]')
    with pytest.raises(ValidationError, match="never '\\*'"):
        Settings()


def test_what_is_wrong_with_a_secret_is_told_without_it() -> None:
    planted = {"database_url": "postgresql://u:planted@h/d", "qdrant_url": "http://planted.example"}
    with pytest.raises(ValidationError) as error:
        RuntimeSecret.model_validate(planted)
    assert "openai_api_key" in str(error.value)
    assert "https" in str(error.value)
    assert "planted" not in f"{error.value} {error.value!r}"
