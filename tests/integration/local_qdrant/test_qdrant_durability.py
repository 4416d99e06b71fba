"""What the laptop's Qdrant keeps when it is optimised, killed or interrupted."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient, models

from local.qdrant import create_app
from tests.integration.local_qdrant.sample import (
    EVEN,
    NAME,
    connected,
    create,
    dense,
    numbers,
    point,
    point_id,
    points,
    serving,
)


async def indexed(client: AsyncQdrantClient, *, written: int) -> None:
    """Return once the optimiser has come to rest with dense vectors in a graph."""
    while True:
        info = await client.get_collection(NAME)
        # Each sparse vector counts as indexed from the start; more are dense ones.
        graph = (info.indexed_vectors_count or 0) > written
        if info.status is models.CollectionStatus.GREEN and graph:
            return
        await asyncio.sleep(0.05)


def shards(state: Path) -> list[Path]:
    return list(state.glob("collections/*/shard-*"))


async def test_the_optimiser_builds_the_graph_and_loses_no_write(tmp_path: Path) -> None:
    async with serving(tmp_path, keep_every=0.05) as client:
        await create(client, indexing_kb=1)
        await client.upsert(NAME, points(1_500), wait=True)
        while len(shards(tmp_path)) < 2:
            await asyncio.sleep(0.01)
        # The copy is being optimised: these three have to be carried over to it.
        await client.upsert(NAME, points(10, start=1_500), wait=True)
        await client.delete(NAME, models.FilterSelector(filter=EVEN), wait=True)
        await client.upsert(NAME, [point(0)], wait=True)
        await indexed(client, written=1_511)
        left, _ = await client.scroll(NAME, limit=5_000, with_payload=["n"])
        assert sorted(numbers(left)) == [0, *range(1, 1_510, 2)]

        exact = models.SearchParams(exact=True)
        hits = 0
        for n in range(10_000, 10_010):
            near = await client.query_points(NAME, dense(n), using="dense", limit=10)
            true = await client.query_points(
                NAME, dense(n), using="dense", limit=10, search_params=exact
            )
            hits += len(set(numbers(near.points)) & set(numbers(true.points)))
        assert hits >= 90
    assert len(shards(tmp_path)) == 1
    async with serving(tmp_path) as client:
        assert (await client.count(NAME)).count == 756


@asynccontextmanager
async def process(state: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The server as it is started on a laptop, and its URL."""
    command = ("-m", "local.qdrant", "--port", "0", "--state", str(state))
    child = await asyncio.create_subprocess_exec(
        sys.executable, *command, stderr=asyncio.subprocess.PIPE
    )
    assert child.stderr is not None
    try:
        said = ""
        while not (running := re.search(r"running on (http://[\d.:]+)", said)):
            line = await child.stderr.readline()
            assert line, said
            said += line.decode()
        yield child, running[1]
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def test_what_was_acknowledged_outlives_sigkill(tmp_path: Path) -> None:
    async with process(tmp_path) as (child, url), connected(url) as client:
        await create(client)
        alias = models.CreateAlias(collection_name=NAME, alias_name="live")
        await client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
        for start in range(0, 640, 64):
            await client.upsert(NAME, points(64, start=start), wait=True)
        await client.delete(NAME, [point_id(1)], wait=True)
        await client.set_payload(NAME, {"kept": True}, points=[point_id(639)], wait=True)
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()

    async with process(tmp_path) as (child, url), connected(url) as client:
        records, _ = await client.scroll("live", limit=1_000, with_vectors=True)
        written = {n: point(n) for n in (0, *range(2, 640))}
        assert sorted(numbers(records)) == list(written)
        for record in records:
            assert record.payload is not None
            original = written[record.payload["n"]]
            assert original.payload is not None
            assert record.payload.items() >= original.payload.items()
            assert isinstance(record.vector, dict)
            assert record.vector.keys() == {"dense", "bm25"}
        (last,) = await client.retrieve(NAME, [point_id(639)])
        assert (last.payload or {})["kept"] is True
        found = await client.query_points(NAME, dense(638), using="dense", query_filter=EVEN)
        assert numbers(found.points)[0] == 638
        schema = (await client.get_collection(NAME)).payload_schema
        assert schema["tenant"].points == 639
        # And SIGTERM, unlike the end before it, closes the shards in peace.
        await client.upsert(NAME, [point(1)], wait=True)
        child.send_signal(signal.SIGTERM)
        assert child.stderr is not None
        assert b"Application shutdown complete" in await child.stderr.read()

    async with serving(tmp_path) as client:
        assert (await client.count("live")).count == 640


async def test_what_an_interruption_left_behind_is_cleared_away(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        await create(client)
    (live,) = shards(tmp_path)
    half_optimized = live.with_name("shard-0123abcd")
    half_created = tmp_path / "collections" / "other"
    for folder in (half_optimized, half_created / "shard-4567abcd"):
        shutil.copytree(live, folder)
    async with serving(tmp_path) as client:
        assert [one.name for one in (await client.get_collections()).collections] == [NAME]
        assert shards(tmp_path) == [live]
        await create(client, "other")


async def test_a_state_folder_has_one_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        await create(client)
        with pytest.raises(RuntimeError, match="stop the server that uses it"):
            async with create_app(tmp_path).router.lifespan_context(create_app(tmp_path)):
                pass
