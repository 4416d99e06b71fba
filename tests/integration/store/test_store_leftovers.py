"""Versions that are left over, and whose turn it is: shares, rest, what is unsettled."""

import asyncio
from uuid import UUID

import pytest

from quire.domain import DocumentStatus, document_id
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from quire.store.standings import Standings
from tests.integration.store.conftest import (
    NAME,
    MakeTenant,
    Owner,
    advance,
    claim,
    commit,
    held,
    ready,
    rows_of,
    standing,
    states_of,
)


async def test_leftovers_are_forgotten_and_nothing_served_is(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, owner: Owner
) -> None:
    await ready(database, tenant, "a")
    await ready(database, tenant, "b")
    await owner.execute(
        "update versions set retired_at = retired_at - interval '1 hour' where tenant_id = %s",
        [tenant],
    )
    seen = await standing(database, tenant, document)
    assert seen.leftover == [1]
    assert seen.retired_seconds is not None
    assert 3_600 <= seen.retired_seconds < 3_660
    await Standings(database).forget_versions(tenant, document, [1])
    assert await rows_of(database, tenant) == {2: 1}
    assert await states_of(database, tenant) == {1: "past", 2: "served"}
    assert await ingestions.in_flux(tenant) == []
    seen = await standing(database, tenant, document)
    assert (seen.leftover, seen.retired_seconds) == ([], None)


async def test_what_is_in_the_making_is_not_forgotten(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    await claim(ingestions, tenant, "a")
    await commit(database, tenant, advance(tenant, 1, total=2))
    await Standings(database).forget_versions(tenant, document, [1])
    assert await rows_of(database, tenant) == {1: 1}
    assert await states_of(database, tenant) == {1: "writing"}


async def test_what_is_being_written_is_no_leftover(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    await claim(ingestions, tenant, "a")
    given = await held(ingestions, tenant, "b")
    assert (await standing(database, tenant, document)).leftover == [1]
    await ingestions.fail(tenant, document, given, "No.")
    assert (await standing(database, tenant, document)).leftover == [1, 2]


async def test_a_tenant_has_its_share_under_way(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    standings = Standings(database)
    names = [f"{n}.md" for n in range(5)]
    assert await standings.admit(tenant, names, share=3) == set(names[:3])
    listed = await Documents(database).list(tenant, status=None, limit=9, after=None)
    assert {d.filename for d in listed.items} == set(names[3:]), "who waits is seen"
    assert {d.status for d in listed.items} == {DocumentStatus.QUEUED}
    await claim(ingestions, tenant, "a", name=names[0])
    assert await standings.admit(tenant, ["new.md"], share=3) == set(), "one read, two waiting"
    # Who waits does not stand in its own way: but for these, one is read and one waits.
    assert await standings.admit(tenant, names[3:], share=4) == set(names[3:])


async def test_what_rests_is_not_under_way(
    database: Database, ingestions: Ingestions, tenant: str, make_tenant: MakeTenant
) -> None:
    await ready(database, tenant, "a", name="ready.md")
    await Documents(database).expect(tenant, "expected.md")
    await claim(ingestions, (await make_tenant()).id, "a", name="anothers.md")
    assert await Standings(database).admit(tenant, ["new.md"], share=1) == {"new.md"}


async def test_waiting_changes_nothing_of_what_is_served(
    database: Database, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    await Documents(database).expect(tenant, "expected.md")
    await Standings(database).admit(tenant, [NAME, "expected.md"], share=0)
    documents = Documents(database)
    assert (await documents.get(tenant, document)).status == DocumentStatus.READY
    expected = await documents.get(tenant, document_id(tenant, "expected.md"))
    assert expected.status == DocumentStatus.QUEUED


async def test_what_waits_says_why_until_it_is_claimed(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    documents, standings = Documents(database), Standings(database)
    await ready(database, tenant, "a", name="ready.md")
    await claim(ingestions, tenant, "a", name="read.md")
    await claim(ingestions, tenant, "a", name="dropped.md", lease=-1)
    names = ["ready.md", "read.md", "dropped.md", "new.md", "new.md"]
    await standings.announce(tenant, names, cause="There is no money.")
    listed = await documents.list(tenant, status=None, limit=9, after=None)
    told = {document.filename: document.error for document in listed.items}
    why = "There is no money."
    assert told == {"ready.md": None, "read.md": None, "dropped.md": why, "new.md": why}
    await claim(ingestions, tenant, "a", name="new.md")
    found = await documents.get(tenant, document_id(tenant, "new.md"))
    assert (found.status, found.error) == (DocumentStatus.EXTRACTING, None)


async def test_nobodys_files_are_not_announced(database: Database) -> None:
    assert await Standings(database).admit("t-nobody", ["a.md"], share=0) == set()
    assert await Documents(database).count("t-nobody") == 0


async def test_what_is_unsettled_is_found_across_tenants(
    database: Database, ingestions: Ingestions, tenant: str, make_tenant: MakeTenant
) -> None:
    other = (await make_tenant()).id
    await claim(ingestions, tenant, "a")
    await ready(database, other, "a", name="at rest.md")
    await ready(database, other, "a")
    await ready(database, other, "b")
    found: list[tuple[str, UUID]] = []
    while page := await Standings(database).unsettled(
        after=found[-1] if found else ("", UUID(int=0)), most=2
    ):
        found += page
    assert len(found) == len(set(found))
    assert [d for t, d in found if t == tenant] == [document_id(tenant, NAME)]
    assert [d for t, d in found if t == other] == [document_id(other, NAME)], "for its version 1"


async def test_a_deletion_and_a_commit_leave_no_middle(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    """Whichever comes first: what is being deleted is not served, and has one job."""
    await claim(ingestions, tenant, "a")
    jobs = Jobs(database)
    kept, *found = await asyncio.gather(
        commit(database, tenant, advance(tenant, 1)),
        *(jobs.request_deletion(tenant, document) for _ in range(5)),
    )
    assert kept in (set(), {document})
    assert len(set(found)) == 1
    assert await Documents(database).served_versions(tenant, [document]) == {}
    assert (await Documents(database).get(tenant, document)).status == DocumentStatus.DELETING


@pytest.mark.parametrize("step", ["fail", "release", "restart"])
async def test_another_tenants_document_is_out_of_reach(
    database: Database,
    ingestions: Ingestions,
    tenant: str,
    document: UUID,
    make_tenant: MakeTenant,
    step: str,
) -> None:
    given = await held(ingestions, tenant, "a")
    before = await standing(database, tenant, document)
    other = (await make_tenant()).id
    if step == "fail":
        await ingestions.fail(other, document, given, "Not yours.")
    elif step == "release":
        await ingestions.release(other, document, given)
    else:
        await ingestions.restart(other, document, given)
    after = await standing(database, tenant, document)
    assert (after.status, after.leased) == (before.status, True)
    assert await Standings(database).find(other, [document]) == []
