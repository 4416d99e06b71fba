"""The store as the functions use it: as quire_app, through PgBouncer, one tenant a test."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import UUID

import psycopg
import pytest

from local.stack import Stack
from quire.domain import Advance, Chunk, Claim, Standing, chunk_id, document_id
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from quire.store.standings import Standings
from tests.conftest import Tenant

Owner = psycopg.AsyncConnection[tuple[object, ...]]
MakeTenant = Callable[..., Awaitable[Tenant]]
NAME = "guide/one.md"


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    pool = Database(stack.app_url)
    yield pool
    await pool.close()


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


@pytest.fixture
def ingestions(database: Database) -> Ingestions:
    return Ingestions(database)


@pytest.fixture
async def tenant(make_tenant: MakeTenant) -> str:
    return (await make_tenant()).id


@pytest.fixture
def document(tenant: str) -> UUID:
    return document_id(tenant, NAME)


def digest(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()


async def claim(
    ingestions: Ingestions,
    tenant: str,
    content: str,
    *,
    name: str = NAME,
    sequencer: str | None = None,
    lease: float = 60,
) -> Claim | None:
    return await ingestions.claim(
        tenant,
        name,
        sha256=digest(content),
        sequencer=sequencer,
        metadata={"chapter": "1"},
        lease=lease,
    )


async def held(
    ingestions: Ingestions, tenant: str, content: str, *, name: str = NAME, lease: float = 60
) -> UUID:
    """The id of a claim that is given."""
    given = await claim(ingestions, tenant, content, name=name, lease=lease)
    assert given is not None
    return given.id


def advance(
    tenant: str,
    version: int,
    *,
    name: str = NAME,
    chunks: Sequence[int] = (0,),
    total: int = 1,
    tokens: int = 7,
) -> Advance:
    """What a worker tells once it has indexed the chunks of those ordinals."""
    document = document_id(tenant, name)
    return Advance(
        document=document,
        version=version,
        title="One",
        characters=total * 4,
        chunks=[(_chunk(document, version, name, ordinal), 3) for ordinal in chunks],
        done=chunks[-1] + 1,
        total=total,
        tokens=tokens,
        cost_usd=tokens / 10,
    )


async def commit(database: Database, tenant: str, *advances: Advance) -> set[UUID]:
    """Commit what was written to every collection there is to be written to."""
    written = await Collections(database).written()
    return await Ingestions(database).commit(tenant, advances, written=written)


async def ready(database: Database, tenant: str, content: str, *, name: str = NAME) -> int:
    """Ingest a document of one chunk; its version."""
    claimed = await claim(Ingestions(database), tenant, content, name=name)
    assert claimed is not None
    assert await commit(database, tenant, advance(tenant, claimed.version, name=name))
    return claimed.version


async def standing(database: Database, tenant: str, document: UUID) -> Standing:
    (found,) = await Standings(database).find(tenant, [document])
    return found


async def rows_of(database: Database, tenant: str) -> dict[int, int]:
    """How many rows of chunks there are of each version."""
    (rows,) = await database.run(
        tenant, ("select version, count(*) as n from chunks group by version", [])
    )
    return {row["version"]: row["n"] for row in rows}


async def states_of(database: Database, tenant: str) -> dict[int, str]:
    """What became of each version."""
    (rows,) = await database.run(tenant, ("select version, state from versions", []))
    return {row["version"]: row["state"] for row in rows}


def _chunk(document: UUID, version: int, name: str, ordinal: int) -> Chunk:
    return Chunk(
        id=chunk_id(document, version, ordinal),
        document=document,
        version=version,
        filename=name,
        title="One",
        ordinal=ordinal,
        start=4 * ordinal,
        end=4 * ordinal + 3,
        text=f"{ordinal:03}",
        heading=("One", "Two"),
    )
