"""What was used, day by day, under the name of the model that it was used of."""

from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from tests.conftest import Tenant
from tests.e2e.conftest import found, put
from tests.e2e.test_turn import GEARS, ask

Owner = psycopg.AsyncConnection[tuple[object, ...]]
TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens", "embedding_tokens")


async def use(owner: Owner, tenant: Tenant, day: str, model: str, requests: int) -> None:
    await owner.execute(
        """insert into usage (tenant_id, day, model, requests, prompt_tokens, cost_usd)
           values (%s, %s, %s, %s, %s, 0.25)""",
        [tenant.id, day, model, requests, 100 * requests],
    )


async def test_each_model_is_counted_for_itself(client: httpx.AsyncClient) -> None:
    await put(client, "gears.md", GEARS)
    document = (await client.get("/v1/usage")).json()["total"]
    turn = await ask(client, "How often must the grease be renewed?")
    usage = (await client.get("/v1/usage")).json()
    today = datetime.now(UTC).date()
    assert (usage["from"], usage["to"]) == (str(today - timedelta(days=29)), str(today))
    assert {one["day"] for one in usage["data"]} == {str(today)}
    by_model = {one["model"]: one for one in usage["data"]}
    chat = by_model.pop(turn["model"])
    (embedding,) = by_model.values()
    assert chat["requests"] == 1
    assert chat["embedding_tokens"] == 0
    assert chat["prompt_tokens"] == turn["usage"]["prompt_tokens"] > 0
    assert chat["completion_tokens"] == turn["usage"]["completion_tokens"] > 0
    assert embedding["prompt_tokens"] == embedding["completion_tokens"] == 0
    spent = usage["total"]["embedding_tokens"] - document["embedding_tokens"]
    assert spent == turn["usage"]["embedding_tokens"] > 0
    assert usage["total"]["requests"] == document["requests"] + 1
    await found(client, "grease")
    total = (await client.get("/v1/usage")).json()["total"]
    assert total["requests"] == usage["total"]["requests"] + 1
    for name in (*TOKENS, "requests", "cost_usd"):
        assert usage["total"][name] == pytest.approx(sum(one[name] for one in usage["data"]))


async def test_days_are_chosen_and_both_ends_count(
    client: httpx.AsyncClient, owner: Owner, tenant: Tenant
) -> None:
    for day, model, count in [
        ("2026-01-01", "b", 1),
        ("2026-01-02", "b", 2),
        ("2026-01-02", "a", 4),
        ("2026-01-03", "b", 8),
    ]:
        await use(owner, tenant, day, model, count)

    async def requests(**days: str) -> int:
        answer = await client.get("/v1/usage", params=days)
        return int(answer.raise_for_status().json()["total"]["requests"])

    assert await requests(**{"from": "2026-01-01", "to": "2026-01-03"}) == 15
    assert await requests(**{"from": "2026-01-02", "to": "2026-01-02"}) == 6
    assert await requests(to="2026-01-02") == 7
    assert await requests(to="0001-01-01") == 0
    usage = await client.get("/v1/usage", params={"from": "2026-01-02", "to": "2026-01-03"})
    assert [(one["day"], one["model"]) for one in usage.json()["data"]] == [
        ("2026-01-02", "a"),
        ("2026-01-02", "b"),
        ("2026-01-03", "b"),
    ]
    assert usage.json()["total"] == {
        "requests": 14,
        "prompt_tokens": 1400,
        "cached_tokens": 0,
        "completion_tokens": 0,
        "embedding_tokens": 0,
        "cost_usd": 0.75,
    }


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-01-02", "2026-01-01"), ("2025-01-01", "2026-01-02"), ("x", "2026-01-01")],
)
async def test_days_that_make_no_sense(client: httpx.AsyncClient, first: str, last: str) -> None:
    answer = await client.get("/v1/usage", params={"from": first, "to": last})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "from"
    year = await client.get("/v1/usage", params={"from": "2025-01-01", "to": "2026-01-01"})
    assert year.status_code == 200


async def test_usage_is_its_tenants(
    client: httpx.AsyncClient, owner: Owner, tenant: Tenant, operator: httpx.AsyncClient
) -> None:
    await use(owner, tenant, "2026-01-01", "secret-model", 1)
    days = {"from": "2026-01-01", "to": "2026-01-01"}
    assert len((await client.get("/v1/usage", params=days)).json()["data"]) == 1
    assert (await operator.get("/v1/usage", params=days)).json()["data"] == []
