"""The whole API reference, case by case: what it allows, what it does not, and who is nobody.

A sample in `make test`, ten thousand in `make soak`; seeded (QUIRE_SEED).
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from local.stack import Stack
from tests.conftest import Tenant
from tests.documented import Documented
from tests.e2e.conftest import put
from tests.integration.callers.issuing import Issuing, issuing
from tests.soak.cases import Known, Made, requests_to

SEED = int(os.environ.get("QUIRE_SEED", "1"))
TOLD = ("Traceback", "/site-packages", 'File "', "postgresql://", "psycopg", "quire_app")
SESSIONS = 3


@pytest.fixture
async def issuer(stack: Stack) -> AsyncIterator[Issuing]:
    (trusted,) = json.loads(stack.configuration.issuers)
    async with issuing(trusted["issuer"]) as listening:
        yield listening


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=40, verify=False) as asking:
        yield asking


@pytest.fixture
async def known(
    stack: Stack, issuer: Issuing, make_tenant: Callable[..., Awaitable[Tenant]]
) -> Known:
    tenant = await make_tenant()
    token = issuer.sign(tenant=tenant.id, exp=2**33)
    async with httpx.AsyncClient(
        base_url=stack.configuration.api_url, headers=tenant.headers(), timeout=40
    ) as api:
        document = (await put(api, "knee.md", "# Knee\n\nA harmonic drive turns the knee."))["id"]
        turns = [
            (await api.post("/v1/chat", json={"question": "What turns the knee?"})).json()
            for _ in range(SESSIONS)
        ]
    return Known(
        key=f"Bearer {tenant.key}",
        token=f"Bearer {token}",
        ids={
            "document_id": [document],
            "session_id": [turn["session_id"] for turn in turns],
            "message_id": [turn["message_id"] for turn in turns],
        },
    )


def cases(sample: int, soak: int) -> Any:
    return [
        pytest.param(sample, id="sample"),
        pytest.param(soak, id="soak", marks=pytest.mark.soak),
    ]


@pytest.mark.parametrize("number", cases(80, 11_000))
async def test_any_case_is_answered_as_documented(
    stack: Stack, client: httpx.AsyncClient, known: Known, number: int
) -> None:
    documented, secrets = Documented(), hidden(stack, known)
    loop = asyncio.get_running_loop()

    async def check(made: Made) -> None:
        answer = await client.send(made.request)
        assert found_wrong(made, answer, await told(documented, made, answer), secrets) == []

    @seed(SEED)
    @settings(
        max_examples=number,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(made=requests_to(stack, known))
    def holds(made: Made) -> None:
        # The stack's gateway lives in the loop, so the cases come from beside it.
        asyncio.run_coroutine_threadsafe(check(made), loop).result()

    await asyncio.to_thread(holds)


def hidden(stack: Stack, known: Known) -> list[str]:
    """What no answer may hold."""
    password = stack.app_url.partition("://quire_app:")[2].partition("@")[0]
    key = stack.configuration.api_key.get_secret_value()
    return [*TOLD, password, known.key.removeprefix("Bearer "), key, str(stack.configuration.state)]


async def told(documented: Documented, made: Made, answer: httpx.Response) -> str:
    """What of an answer the reference does not say."""
    if made.elsewhere and answer.status_code in (404, 405):
        return ""
    try:
        await documented.check_answer_of(made.endpoint, answer)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def found_wrong(made: Made, answer: httpx.Response, untold: str, secrets: list[str]) -> list[str]:
    wrong = []
    if untold:
        wrong.append(f"not as documented: {untold}")
    if answer.status_code >= 500 and answer.status_code != 503:
        wrong.append("an error of ours")
    if not made.admitted and not 400 <= answer.status_code < 500:
        wrong.append("nobody was let in")
    if made.wrong and made.admitted and answer.status_code < 300:
        wrong.append(f"taken, though the reference does not allow it: {made.request.content!r}")
    wrong += [f"tells {secret}" for secret in secrets if secret in answer.text]
    return wrong
