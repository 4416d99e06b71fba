"""Jobs: asked for once, advanced step by step, and never ended twice."""

import asyncio
from uuid import UUID

import pytest

from quire.errors import NotFound
from quire.store.database import Database
from quire.store.erasure import Erasure
from quire.store.jobs import Jobs
from tests.integration.store.conftest import (
    MakeTenant,
    Owner,
)

# A lock at which a statement rests when it has seen what there was.
REST = 7_340_001


async def test_one_job_of_a_kind_is_under_way(
    jobs: Jobs, tenant: str, make_tenant: MakeTenant
) -> None:
    first = await jobs.request(tenant, "reconcile", {})
    assert await jobs.request(tenant, "reconcile", {}) == first
    assert await jobs.request(tenant, "rebuild", {}) != first
    assert await jobs.request((await make_tenant()).id, "reconcile", {}) != first
    await jobs.advance(tenant, first, done=1, total=2, cursor={})
    assert await jobs.request(tenant, "reconcile", {}) == first
    await jobs.finish(tenant, first, result={})
    assert await jobs.request(tenant, "reconcile", {}) != first


async def test_one_that_ends_while_it_is_asked_for_is_the_answer(
    jobs: Jobs, owner: Owner, tenant: str
) -> None:
    under_way = await jobs.request(tenant, "reconcile", {})
    await owner.execute(
        f"""create function rest() returns trigger language plpgsql as $$ begin
                if current_setting('quire.tenant') = '{tenant}' then
                    perform pg_advisory_xact_lock({REST});
                end if;
                return null;
            end $$"""
    )
    await owner.execute(
        "create trigger rest after insert on jobs for each statement execute function rest()"
    )
    try:
        await owner.execute("select pg_advisory_lock(%s)", [REST])
        asking = asyncio.create_task(jobs.request(tenant, "reconcile", {}))
        await until_it_waits(owner)
        await jobs.finish(tenant, under_way, result={})
        await owner.execute("select pg_advisory_unlock(%s)", [REST])
        assert await asking == under_way
    finally:
        await owner.execute("drop function rest cascade")


async def until_it_waits(owner: Owner) -> None:
    waiting = "select from pg_locks where locktype = 'advisory' and objid = %s and not granted"
    async with asyncio.timeout(5):
        while not await (await owner.execute(waiting, [REST])).fetchall():
            await asyncio.sleep(0.01)


async def test_a_job_keeps_what_was_asked_and_how_far_it_is(jobs: Jobs, tenant: str) -> None:
    job = await jobs.request(tenant, "rebuild", {"model": "m", "dimensions": 3})
    seen = await jobs.get(tenant, job)
    assert (seen.kind, seen.status, seen.request["model"]) == ("rebuild", "queued", "m")
    await jobs.advance(tenant, job, done=2, total=5, cursor={"after": ["t", "x"]})
    seen = await jobs.get(tenant, job)
    assert (seen.status, seen.done, seen.total) == ("running", 2, 5)
    assert seen.cursor == {"after": ["t", "x"]}
    await jobs.finish(tenant, job, result={"documents": 5})
    seen = await jobs.get(tenant, job)
    assert (seen.status, seen.done, seen.total) == ("done", 5, 5)
    assert seen.result == {"documents": 5}


@pytest.mark.parametrize("end", ["done", "shut out"])
async def test_an_erasure_waits_for_an_export_that_may_still_write(
    jobs: Jobs, database: Database, tenant: str, end: str
) -> None:
    """Who has told what came of it does not; who was shut out meanwhile has heard of nothing."""
    erasure = Erasure(database)
    job = await jobs.request(tenant, "export", {})
    assert await jobs.begin(tenant, job, lease=60)
    assert await erasure.busy(tenant, exporting=True)
    if end == "done":
        await jobs.finish(tenant, job, result={})
    else:
        await erasure.shut_out(tenant, "ada")
    assert (await jobs.get(tenant, job)).status == ("done" if end == "done" else "failed")
    assert await erasure.busy(tenant, exporting=True) == (end == "shut out")


@pytest.mark.parametrize("end", ["done", "failed"])
async def test_what_has_ended_stays_so(jobs: Jobs, tenant: str, end: str) -> None:
    """A step may be delivered twice, and the slower of the two tell last."""
    job = await jobs.request(tenant, "reconcile", {})
    if end == "done":
        await jobs.finish(tenant, job, result={"documents": 1})
    else:
        await jobs.fail(tenant, job, "The new index would not hold still.")
    before = await jobs.get(tenant, job)
    assert before.status == end
    await jobs.advance(tenant, job, done=9, total=9, cursor={"late": True})
    await jobs.finish(tenant, job, result={"late": True})
    await jobs.fail(tenant, job, "Late.")
    assert await jobs.get(tenant, job) == before


async def test_the_newest_come_first_page_by_page(jobs: Jobs, tenant: str) -> None:
    kinds = ["reconcile", "rebuild", "redrive"]
    asked = [await jobs.request(tenant, kind, {}) for kind in kinds]
    first = await jobs.list(tenant, limit=2, after=None)
    assert ([j.id for j in first.items], first.has_more) == (asked[:0:-1], True)
    rest = await jobs.list(tenant, limit=2, after=first.items[-1].id)
    assert ([j.id for j in rest.items], rest.has_more) == (asked[:1], False)


async def test_another_tenants_job_is_not_there(
    jobs: Jobs, tenant: str, make_tenant: MakeTenant
) -> None:
    job = await jobs.request(tenant, "reconcile", {})
    other = (await make_tenant()).id
    with pytest.raises(NotFound):
        await jobs.get(other, job)
    await jobs.fail(other, job, "Not yours.")
    assert (await jobs.get(tenant, job)).status == "queued"
    assert (await jobs.list(other, limit=9, after=None)).items == []


async def test_what_has_not_ended_is_found_across_tenants(
    jobs: Jobs, tenant: str, make_tenant: MakeTenant
) -> None:
    other = (await make_tenant()).id
    mine, others = await jobs.request(tenant, "a", {}), await jobs.request(other, "b", {})
    ended = await jobs.request(tenant, "c", {})
    await jobs.finish(tenant, ended, result={})
    found: list[tuple[str, UUID]] = []
    while page := await jobs.unfinished(after=found[-1] if found else ("", UUID(int=0)), most=2):
        found += page
    assert len(found) == len(set(found))
    assert {(tenant, mine), (other, others)} <= set(found)
    assert (tenant, ended) not in found
