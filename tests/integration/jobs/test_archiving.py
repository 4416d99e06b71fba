"""An archive that takes many steps is the one that a single step makes."""

import asyncio
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
import uuid_utils.compat as uuids

from functions.ingest.erasing import Erasing
from functions.ingest.exporting import Exporting
from quire.archives import Archives
from quire.domain import Caller, Job
from quire.object_keys import export_key, export_prefix, upload_key
from quire.store.erasure import Erasure
from quire.store.exports import Exports
from quire.store.sessions import Sessions
from tests.integration.jobs.conftest import Parts
from tests.integration.store.conftest import MakeTenant, Owner

FOREVER = float("inf")
LARGE = bytes(range(256)) * 2**14 * 3  # more than a part


async def run(parts: Parts, exporting: Exporting, tenant: str, *, until: float) -> tuple[Job, int]:
    """Step by step to the end; the job, and in how many steps."""
    asked = await parts.jobs.request(tenant, "export", {"run": str(until)}, alone=False)
    await parts.jobs.advance(tenant, asked, done=0, total=1, cursor={}, rest=600)
    job, steps = await parts.jobs.get(tenant, asked), 0
    while True:
        if steps:  # a worker that dies of a step, once it was done, has it done again
            await exporting.step(tenant, job, until=until)
        steps += 1
        step = await exporting.step(tenant, job, until=until)
        if step.result is not None:
            return replace(job, result=step.result), steps
        job = replace(job, cursor=_read_back(step.cursor))


def _read_back(cursor: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(cursor))


async def test_it_goes_on_where_it_was(parts: Parts, bucket: str, tenant: str) -> None:
    sessions, objects = Sessions(parts.database), parts.objects
    for user in ("ada", "bob"):
        caller = Caller(tenant, user, frozenset(("ask",)))
        await sessions.create(caller, uuids.uuid7(), title=user, metadata={})
    for name, content in (("a.bin", LARGE), ("b.txt", b"b"), ("c.bin", LARGE)):
        await objects.put(upload_key(tenant, name), content, content_type="a/b", metadata={})
    exporting = Exporting(
        exports=Exports(parts.database), objects=objects, archives=Archives(bucket)
    )
    whole, once = await run(parts, exporting, tenant, until=FOREVER)
    pieces, often = await run(parts, exporting, tenant, until=0)
    assert once == 2, "written, and finished"
    assert often > 5
    one, other = [await members(parts, tenant, job) for job in (whole, pieces)]
    assert one.keys() == other.keys()
    assert one["uploads/c.bin"] == LARGE
    assert {name: one[name] for name in one if name != "about.json"} == {
        name: other[name] for name in other if name != "about.json"
    }
    keys = [key for key, _ in await objects.list(export_prefix(tenant), after="", most=9)]
    assert sorted(keys) == sorted(export_key(tenant, job.id) for job in (whole, pieces))
    await exporting.abandon(pieces)  # nothing of it is in the way any more


async def test_what_is_too_large_to_be_read_is_left_out_and_told(
    parts: Parts, bucket: str, tenant: str
) -> None:
    for name, content in (("a.bin", b"a" * 9), ("b.bin", b"b" * 10)):
        await parts.objects.put(upload_key(tenant, name), content, content_type="a/b", metadata={})
    exporting = Exporting(
        exports=Exports(parts.database), objects=parts.objects, archives=Archives(bucket), most=9
    )
    job, _ = await run(parts, exporting, tenant, until=FOREVER)
    found = await members(parts, tenant, job)
    assert [name for name in found if name.startswith("uploads/")] == ["uploads/a.bin"]
    counts = json.loads(found["about.json"])["counts"]
    assert (counts["objects"], counts["left_out"]) == (1, 1)


@pytest.mark.parametrize("user", ["ada", None])
async def test_no_archive_outlives_who_was_erased(
    parts: Parts,
    bucket: str,
    owner: Owner,
    tenant: str,
    make_tenant: MakeTenant,
    user: str | None,
) -> None:
    """Asked for once they were shut out, and read just before their rows went."""
    caller = Caller(tenant, "ada", frozenset(("ask",)))
    await Sessions(parts.database).create(caller, uuids.uuid7(), title="hers", metadata={})
    exporting = Exporting(
        exports=Exports(parts.database), objects=parts.objects, archives=Archives(bucket)
    )
    erasing = Erasing(
        erasure=Erasure(parts.database),
        objects=parts.objects,
        collections=parts.collections,
        index=parts.index,
        remember=0,
    )
    whose = {"tenant": tenant} | ({"user": user} if user else {})
    operator = (await make_tenant()).id
    asked = await parts.jobs.request(operator, "erase", whose)
    erasure = await parts.jobs.get(operator, asked)
    erasure = replace(erasure, cursor=(await erasing.step(operator, erasure, until=FOREVER)).cursor)
    export = await parts.jobs.request(tenant, "export", {})
    async with owner.transaction():
        await owner.execute("select from sessions where tenant_id = %s for update", [tenant])
        erased = asyncio.create_task(erasing.step(operator, erasure, until=FOREVER))
        await until_it_waits(owner)
        if begun := await parts.jobs.begin(tenant, export, lease=60):
            read = await exporting.step(tenant, begun, until=FOREVER)
    ended = await erased
    erasure = replace(erasure, cursor=ended.cursor)
    if begun:
        assert (await erasing.step(operator, erasure, until=FOREVER)).result is None, "it may write"
        await exporting.step(tenant, replace(begun, cursor=read.cursor), until=FOREVER)
        await owner.execute("update jobs set lease_until = now() where id = %s", [export])
    if ended.result is None:
        ended = await erasing.step(operator, erasure, until=FOREVER)
    assert ended.result is not None
    assert await parts.objects.list(export_prefix(tenant), after="", most=9) == []
    assert await parts.jobs.begin(tenant, export, lease=60) is None, "nor does it go on"


async def until_it_waits(owner: Owner) -> None:
    waiting = "select from pg_locks where locktype = 'transactionid' and not granted"
    async with asyncio.timeout(5):
        while not await (await owner.execute(waiting)).fetchall():
            await asyncio.sleep(0.01)


async def members(parts: Parts, tenant: str, job: Job) -> dict[str, bytes]:
    stored = await parts.objects.get(export_key(tenant, job.id))
    assert job.result is not None
    assert len(stored.content) == job.result["bytes"]
    with tarfile.open(fileobj=BytesIO(stored.content)) as opened:
        names = opened.getnames()
        assert len(names) == len(set(names))
        files = {name: opened.extractfile(name) for name in names}
        return {name: file.read() for name, file in files.items() if file}
