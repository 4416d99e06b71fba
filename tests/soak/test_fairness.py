"""One tenant's bulk load, and another's single documents that do not wait behind it."""

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from local.provision import BUCKET
from local.stack import Stack
from tests.conftest import Tenant
from tests.soak.worker import session

Owner = psycopg.AsyncConnection[tuple[object, ...]]
MakeTenant = Callable[..., Awaitable[Tenant]]
BULK_SECONDS = 900
MOST_SECONDS = 30
FILES = 500
PROSE = "The arm of a robot is weighed down by what it holds, and its motors have to know. "


@pytest.mark.soak
async def test_single_documents_overtake_a_bulk_load(
    stack: Stack,
    owner: Owner,
    make_tenant: MakeTenant,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bulk, other = await make_tenant(), await make_tenant()
    waited: list[float] = []
    began = time.monotonic()
    # All of it lies in the queue before the first single document comes.
    await asyncio.to_thread(load, stack, bulk)
    loaded = time.monotonic() - began
    async with (
        asyncio.timeout(BULK_SECONDS),
        httpx.AsyncClient(
            base_url=stack.configuration.api_url, headers=other.headers(), timeout=60
        ) as single,
    ):
        while True:
            asked = time.monotonic()
            name = f"single {len(waited)}.md"
            body = {"filename": name, "content": text(name, 1)}
            announced = (await single.post("/v1/documents", json=body)).raise_for_status()
            path = f"/v1/documents/{announced.json()['id']}"
            while (await single.get(path)).raise_for_status().json()["status"] != "ready":
                await asyncio.sleep(0.2)
            if await ready(owner, bulk) == FILES:
                break  # nothing was there to be overtaken any more
            waited.append(time.monotonic() - asked)
            await asyncio.sleep(0.2)
    took = time.monotonic() - began
    assert waited, "no single document was ready before the bulk was done"
    with capsys.disabled():
        sys.stdout.write(
            f"\n{FILES} files put in {loaded:.0f} s, ready in {took:.0f} s; {len(waited)} single "
            f"documents beside them: p50 {percentile(waited, 50):.1f} s, "
            f"p95 {percentile(waited, 95):.1f} s, longest {max(waited):.1f} s\n"
        )
    assert percentile(waited, 95) < MOST_SECONDS, waited


def load(stack: Stack, tenant: Tenant) -> None:
    """Put small files straight into the bucket, as whoever copies a folder to it does."""
    s3 = session().client("s3", endpoint_url=stack.configuration.aws_url)

    def one(number: int) -> None:
        name = f"bulk/{number}.md"
        s3.put_object(
            Bucket=BUCKET,
            Key=f"uploads/{tenant.id}/{name}",
            Body=text(name, 3).encode(),
            ContentType="text/markdown",
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(FILES)))


def text(name: str, sections: int) -> str:
    """Every one differs, so that none is embedded already."""
    parts = (f"## Part {n}\n\nAs {name} has it: {PROSE * 4}" for n in range(sections))
    return "\n\n".join((f"# {name}", *parts))


async def ready(owner: Owner, tenant: Tenant) -> int:
    """How many of a tenant's documents are, when none has failed."""
    rows = await owner.execute(
        "select status from documents where tenant_id = %s and status in ('ready', 'failed')",
        [tenant.id],
    )
    found = [status for (status,) in await rows.fetchall()]
    assert "failed" not in found
    return len(found)


def percentile(values: list[float], percent: int) -> float:
    """The least of the values that so many per cent do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
