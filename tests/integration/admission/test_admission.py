"""Limits at the edge: told in headers, refused with a 429 in two dialects."""

from uuid import uuid4

import pytest

from quire.domain import Limits, Usage
from quire.store.database import Database
from quire.store.limits import RateLimits
from quire.store.usage import UsageCounts, add_usage
from tests.conftest import Tenant
from tests.integration.admission.limited import AT_ONCE, STAGE, Make


async def test_every_answer_tells_how_its_caller_stands(client: Make) -> None:
    asking = client(Limits(key_requests=2, requests=100))
    first = await asking.get("/v1/sessions")
    assert first.headers["ratelimit-policy"] == '"key";q=2;w=60, "tenant";q=100;w=60'
    assert first.headers["ratelimit"] == '"key";r=1;t=30, "tenant";r=99;t=1'
    absent = await asking.get("/nowhere")
    assert absent.status_code == 404
    assert absent.headers["ratelimit"].startswith('"key";r=0;t=')
    refused = await asking.get("/v1/sessions")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.headers["ratelimit"].startswith('"key";r=0;t=')
    problem = refused.json()
    assert (problem["title"], problem["code"]) == ("Too Many Requests", "rate_limit_exceeded")
    assert "for this key: 2 a minute" in problem["detail"]


async def test_openais_dialect_is_refused_in_its_own_words(client: Make) -> None:
    asking = client(Limits(key_requests=1, requests=9))
    assert (await asking.post("/v1/chat/completions", json={})).status_code == 200
    refused = await asking.post("/v1/chat/completions", json={})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")


async def test_nobody_without_a_key_is_counted(client: Make) -> None:
    asking = client(Limits(key_requests=1, requests=1))
    del asking.headers["Authorization"]
    for _ in range(3):
        answer = await asking.get("/v1/sessions")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


@pytest.mark.parametrize(("tokens", "dollars"), [(150, None), (None, 0.5)])
async def test_a_spent_day_ends_what_costs_something_and_nothing_else(
    client: Make, database: Database, tenant: Tenant, tokens: int | None, dollars: float | None
) -> None:
    asking = client(Limits(key_requests=99, requests=99, tokens=tokens, dollars=dollars))
    assert (await asking.post("/v1/chat/completions", json={})).status_code == 200
    used = Usage(prompt_tokens=100, completion_tokens=40, embedding_tokens=10)
    await UsageCounts(database).add(tenant.id, add_usage(tenant.id, "m", used, 0.5))
    refused = await asking.post("/v1/chat/completions", json={})
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "insufficient_quota"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert (await asking.get("/v1/sessions")).status_code == 200
    # What saves tokens is never refused for want of them.
    assert (await asking.post("/v1/messages/1/stop")).status_code == 200


async def test_streams_beyond_the_limit_are_refused_and_those_that_end_are_free(
    client: Make, database: Database, tenant: Tenant
) -> None:
    asking = client(Limits(key_requests=99, requests=99, streams=1))
    for _ in range(3):  # each has ended when the next one begins
        assert (await asking.post("/v1/chat/stream", json={})).content == b"one"
        failed = await asking.post("/v1/chat/stream", json={}, headers={"x-fails": "1"})
        assert failed.status_code == 500  # and so has one that came to nothing
    other = RateLimits(database, STAGE, timeout=30)
    assert await other.begin_stream(tenant.id, stream=uuid4(), most=1, seconds=60)
    for _ in range(AT_ONCE + 1):  # and none of those who are refused stays at the door
        refused = await asking.post("/v1/chat/stream", json={})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert "1 streams under way" in refused.json()["detail"]
