"""The commit: what is kept of a worker's progress, and the moment a version is served."""

from unittest.mock import ANY
from uuid import UUID

import pytest

from quire.domain import Claim, DocumentStatus, chunk_id, document_id
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from tests.integration.store.conftest import (
    Owner,
    advance,
    claim,
    commit,
    held,
    ready,
    rows_of,
    states_of,
)


async def test_several_documents_are_served_in_one_go(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    names = ["a.md", "b.md", "c.md"]
    ids = {document_id(tenant, name) for name in names}
    for name in names:
        await claim(ingestions, tenant, "x", name=name)
    assert await commit(database, tenant, *(advance(tenant, 1, name=n) for n in names)) == ids
    assert await Documents(database).served_versions(tenant, ids) == dict.fromkeys(ids, 1)


async def test_progress_is_kept_and_the_last_of_it_switches(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    await ready(database, tenant, "a")
    await claim(ingestions, tenant, "b")
    assert await commit(database, tenant, advance(tenant, 2, chunks=[0], total=3)) == {document}
    seen = await documents.get(tenant, document)
    assert (seen.status, seen.done, seen.total) == (DocumentStatus.EMBEDDING, 1, 3)
    assert (seen.current_version, seen.chunks) == (1, 1), "of a half one nothing is served"
    assert await ingestions.in_flux(tenant) == [(document, 2)]

    assert await commit(database, tenant, advance(tenant, 2, chunks=[1, 2], total=3)) == {document}
    seen = await documents.get(tenant, document)
    assert (seen.status, seen.current_version, seen.chunks) == (DocumentStatus.READY, 2, 3)
    assert seen.tokens == 21, "all that was ever paid"
    assert seen.cost_usd == pytest.approx(2.1)
    assert await ingestions.in_flux(tenant) == [(document, 1)], "turns may still cite it"
    assert await rows_of(database, tenant) == {1: 1, 2: 3}
    served = await documents.served_rows(tenant, document)
    assert set(served.rows) == {chunk_id(document, 2, n) for n in range(3)}
    assert (served.version, served.chunks, served.in_flux) == (2, 3, frozenset({1}))


async def test_what_is_told_twice_is_kept_once(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    """A worker that was slow meets one that has finished the very same version."""
    await claim(ingestions, tenant, "a", lease=0)
    await claim(ingestions, tenant, "a")
    assert await commit(database, tenant, advance(tenant, 1)) == {document}
    before = await Documents(database).get(tenant, document)
    assert await commit(database, tenant, advance(tenant, 1)) == set()
    assert await Documents(database).get(tenant, document) == before
    assert await rows_of(database, tenant) == {1: 1}


async def test_progress_told_twice_is_rows_once(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    await claim(ingestions, tenant, "a")
    for _ in range(2):
        assert await commit(database, tenant, advance(tenant, 1, chunks=[0, 1], total=3))
    assert await rows_of(database, tenant) == {1: 2}


async def test_an_overtaken_version_leaves_no_row_behind(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    await claim(ingestions, tenant, "b")
    await claim(ingestions, tenant, "c")
    assert await commit(database, tenant, advance(tenant, 2)) == set()
    assert await rows_of(database, tenant) == {1: 1}, "the served version keeps its own"
    await Jobs(database).request_deletion(tenant, document)
    assert await commit(database, tenant, advance(tenant, 3)) == set()
    assert await rows_of(database, tenant) == {1: 1}
    assert await Documents(database).served_versions(tenant, [document]) == {}


async def test_the_overtaken_take_no_others_with_them(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    for name in ("old.md", "new.md"):
        await claim(ingestions, tenant, "a", name=name)
    await claim(ingestions, tenant, "b", name="old.md")
    kept = await commit(
        database, tenant, advance(tenant, 1, name="old.md"), advance(tenant, 1, name="new.md")
    )
    assert kept == {document_id(tenant, "new.md")}


async def test_an_overtaken_version_is_retired_with_the_one_before(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    await claim(ingestions, tenant, "b")
    await claim(ingestions, tenant, "c")
    await commit(database, tenant, advance(tenant, 3))
    assert await states_of(database, tenant) == {1: "retired", 2: "retired", 3: "served"}


@pytest.mark.parametrize("begun", [False, True])
async def test_a_collection_that_came_in_between_refuses_the_commit(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, begun: bool
) -> None:
    """What it lacks would be missing once it is switched to; so the version is written again."""
    given = await held(ingestions, tenant, "a")
    if begun:
        await commit(database, tenant, advance(tenant, 1, chunks=[0], total=3))
    rest = advance(tenant, 1, chunks=[1, 2], total=3)
    assert await ingestions.commit(tenant, [rest], written=[]) == set()
    assert await rows_of(database, tenant) == ({1: 1} if begun else {}), "nothing of it is kept"
    await ingestions.restart(tenant, document, given)
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=1, done=0)


async def test_only_collections_that_are_written_to_are_asked_for(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, owner: Owner
) -> None:
    """One that was switched from, and waits to be dropped, refuses nothing."""
    await owner.execute(
        "insert into collections (name, model, dimensions) values (%s, 'm', 3)", [tenant]
    )
    await claim(ingestions, tenant, "a")
    live = await Collections(database).live()
    assert await ingestions.commit(tenant, [advance(tenant, 1)], written=[live]) == {document}
    await Collections(database).forget(tenant)


async def test_what_goes_along_is_in_the_same_transaction(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    await claim(ingestions, tenant, "a")
    written = await Collections(database).written()
    with pytest.raises(Exception, match="division by zero"):
        await ingestions.commit(
            tenant, [advance(tenant, 1)], written=written, also=[("select 1 / 0", [])]
        )
    assert await rows_of(database, tenant) == {}
    assert await states_of(database, tenant) == {1: "writing"}
