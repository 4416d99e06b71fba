"""A document that is written anew all the time, and readers who always see one whole version."""

import asyncio
import hashlib
import os
import random
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx
import psycopg
import pytest

from local.stack import Stack
from tests.conftest import Tenant
from tests.soak.boundaries import BOUNDARIES, MOMENTS
from tests.soak.mortal import Mortal
from tests.soak.schedules import CHECKPOINT, Change, Death, Schedule
from tests.soak.test_soak import sizes

Owner = psycopg.AsyncConnection[tuple[object, ...]]
MakeTenant = Callable[..., Awaitable[Tenant]]
NAME = "balance.md"
QUESTION = "What does this edition say about balance?"
# From one checkpoint to three.
MOST_SECTIONS = 3 * CHECKPOINT
# More than any edition has sections, so that each answer shows a version whole.
TOP_K = MOST_SECTIONS + 1
_SECTION = re.compile(r"Edition (\d+), section (\d+) of (\d+):")
_PROSE = (
    "a robot that walks keeps its balance by moving the point its weight bears on, step by step; "
    "whoever pushes it finds that it gives way first, then takes a step, and stands again. "
)


@pytest.mark.parametrize("versions", sizes(3, 50))
async def test_a_reader_sees_one_version_whole(
    stack: Stack,
    owner: Owner,
    make_tenant: MakeTenant,
    capsys: pytest.CaptureFixture[str],
    versions: int,
) -> None:
    seed = int(os.environ.get("QUIRE_SEED", "1"))
    chance = random.Random(seed)
    tenant = await make_tenant()
    numbers: list[int] = []
    async with (
        Mortal(stack, owner, hands=2) as mortal,
        httpx.AsyncClient(
            base_url=stack.configuration.stream_url, headers=tenant.headers(), timeout=40
        ) as client,
    ):
        schedule = mortal.schedules[tenant.id] = Schedule(
            number=0,
            tenant=tenant.id,
            changes=[],
            deaths=deaths(chance, versions),
            returns="at once",
        )
        reading: list[asyncio.Task[None]] = []
        for number in range(1, versions + 1):
            change = edition(chance, number)
            await mortal.change(schedule, change)
            if number in (1, versions) or chance.random() < 0.6:
                await served(owner, tenant, change)
            else:
                await asyncio.sleep(chance.uniform(0, 1))
            if not reading:
                reading += [asyncio.create_task(read_on(client, numbers)) for _ in range(2)]
            for task in reading:
                assert not task.done(), (seed, number, task.exception())
        last = await seen(client)
        for task in reading:
            task.cancel()
        ended = await asyncio.gather(*reading, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended), (seed, ended)
    assert last == versions, seed
    # They saw the changes, or they would prove nothing.
    assert len(set(numbers)) > versions / 3, (seed, numbers)
    with capsys.disabled():
        sys.stdout.write(
            f"\nseed {seed}: {versions} versions, {len(set(numbers))} of them seen in "
            f"{len(numbers)} answers; {len(schedule.died)} deaths\n"
        )


def deaths(chance: random.Random, versions: int) -> list[Death]:
    """One in five versions, and who writes it dies."""
    anywhere = [boundary for boundary in BOUNDARIES if not boundary.needs]
    return [Death(chance.choice(anywhere), chance.choice(MOMENTS)) for _ in range(versions // 5)]


def edition(chance: random.Random, number: int) -> Change:
    """A text of as many chunks as sections, each of which says what it belongs to."""
    count = chance.randint(CHECKPOINT, MOST_SECTIONS)
    sections = (
        f"## Section {n}\n\nEdition {number}, section {n} of {count}: {_PROSE * 3}"
        for n in range(1, count + 1)
    )
    return Change(
        filename=NAME,
        text="\n\n".join(("# Balance", *sections)),
        sequencer=f"{number:06X}",
        delays=chance.choice(((0,), (0, 1))),
        pause=None,
    )


async def served(owner: Owner, tenant: Tenant, change: Change) -> None:
    digest = hashlib.sha256((change.text or "").encode()).digest()
    async with asyncio.timeout(120):
        while True:
            rows = await owner.execute(
                "select from documents where tenant_id = %s and sha256 = %s and status = 'ready'",
                [tenant.id, digest],
            )
            if await rows.fetchall():
                return
            await asyncio.sleep(0.1)


async def read_on(client: httpx.AsyncClient, numbers: list[int]) -> None:
    """Ask all the time: what was seen never goes back."""
    newest = 0
    while True:
        number = await seen(client)
        assert number >= newest, f"edition {number} was found after {newest}"
        newest = number
        numbers.append(number)


async def seen(client: httpx.AsyncClient) -> int:
    """The edition that a search finds, all of it and nothing else."""
    asked = {"question": QUESTION, "top_k": TOP_K}
    answer = await client.post("/v1/retrieve", json=asked)
    assert answer.status_code == 200, answer.text
    found: Sequence[Mapping[str, Any]] = answer.json()["chunks"]
    sections = [section for chunk in found for section in _SECTION.findall(chunk["text"])]
    assert len(found) == len(sections) > 0, found
    numbers = {(number, count) for number, _, count in sections}
    assert len(numbers) == len({chunk["version"] for chunk in found}) == 1, sections
    ((number, count),) = numbers
    ordinals = sorted(int(ordinal) for _, ordinal, _ in sections)
    assert ordinals == list(range(1, int(count) + 1)), sections
    return int(number)
