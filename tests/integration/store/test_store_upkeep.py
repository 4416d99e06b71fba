"""What keeps ingestion going: failures, deadlines, shares, and the versions that are left over."""

import asyncio
from unittest.mock import ANY
from uuid import UUID

import pytest

from quire.domain import Claim, DocumentStatus, document_id
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
    digest,
    held,
    ready,
    rows_of,
    standing,
    states_of,
)


async def test_a_failure_keeps_serving_what_was_served(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    await ready(database, tenant, "a")
    given = await held(ingestions, tenant, "b")
    await ingestions.fail(tenant, document, given, "This PDF is damaged.")
    seen = await documents.get(tenant, document)
    assert (seen.status, seen.error) == (DocumentStatus.FAILED, "This PDF is damaged.")
    assert await documents.served_versions(tenant, [document]) == {document: 1}
    assert await states_of(database, tenant) == {1: "served", 2: "retired"}
    assert await ingestions.in_flux(tenant) == [(document, 2)]


async def test_only_the_version_that_failed_fails(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    overtaken = await held(ingestions, tenant, "a")
    newest = await held(ingestions, tenant, "b")
    await ingestions.fail(tenant, document, overtaken, "Too late to matter.")
    assert (await Documents(database).get(tenant, document)).status == DocumentStatus.EXTRACTING
    await commit(database, tenant, advance(tenant, 2))
    await ingestions.fail(tenant, document, newest, "What is ready stays so.")
    assert (await Documents(database).get(tenant, document)).status == DocumentStatus.READY


async def test_a_message_given_up_fails_no_worker(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    documents = Documents(database)
    given = await held(ingestions, tenant, "a")
    assert not await ingestions.give_up(tenant, document, "Given up.")
    assert (await documents.get(tenant, document)).status == DocumentStatus.EXTRACTING
    await ingestions.release(tenant, document, given)
    assert await ingestions.give_up(tenant, document, "Given up.")
    assert (await documents.get(tenant, document)).error == "Given up."


async def test_a_standing_tells_how_far_it_has_come(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, owner: Owner
) -> None:
    await claim(ingestions, tenant, "a")
    seen = await standing(database, tenant, document)
    assert (seen.filename, seen.status, seen.version) == (NAME, "extracting", 1)
    assert (seen.leased, seen.dropped, seen.attempts, seen.leftover) == (True, False, 0, [])
    assert seen.sha256 == digest("a")
    for table in ("documents", "versions"):
        await owner.execute(
            f"update {table} set lease_until = now() - interval '1 minute' where tenant_id = %s",
            [tenant],
        )
    await owner.execute(
        "update documents set updated_at = now() - interval '1 hour' where tenant_id = %s", [tenant]
    )
    seen = await standing(database, tenant, document)
    assert (seen.leased, seen.dropped) == (False, True)
    assert 3_600 <= seen.seconds < 3_660
    assert await Standings(database).put_back(tenant, seen)
    seen = await standing(database, tenant, document)
    assert (seen.attempts, seen.dropped) == (1, False)
    assert seen.seconds < 60


async def test_who_is_let_go_of_was_not_dropped(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    given = await held(ingestions, tenant, "a")
    await ingestions.release(tenant, document, given)
    seen = await standing(database, tenant, document)
    assert (seen.leased, seen.dropped) == (False, False)


async def stood_still(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, times: int = 1
) -> None:
    """Have workers begin and drop it."""
    for _ in range(times):
        await claim(ingestions, tenant, "a", lease=0)
        seen = await standing(database, tenant, document)
        assert await Standings(database).put_back(tenant, seen)


@pytest.mark.parametrize("moves", ["claimed", "read again"])
async def test_what_moved_since_it_was_looked_at_is_left_alone(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, moves: str
) -> None:
    """A look is at many documents, and what was seen of the last of them may be old by then."""
    await claim(ingestions, tenant, "a", lease=0)
    seen = await standing(database, tenant, document)
    if moves == "claimed":
        await claim(ingestions, tenant, "a")
    else:
        await ingestions.give_up(tenant, document, "Given up.")
        await Documents(database).reingest(tenant, document)
    before = await standing(database, tenant, document)
    assert not await Standings(database).put_back(tenant, seen)
    assert not await ingestions.give_up(tenant, document, "Late.", unmoved=seen.updated_at)
    after = await standing(database, tenant, document)
    assert (after.updated_at, after.leased) == (before.updated_at, moves == "claimed")


async def test_progress_forgets_the_attempts(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    await stood_still(database, ingestions, tenant, document)
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=1, done=0), "at once"
    await commit(database, tenant, advance(tenant, 1, total=2))
    assert (await standing(database, tenant, document)).attempts == 0


@pytest.mark.parametrize("announced", [False, True])
@pytest.mark.parametrize("content", ["a", "b"])
async def test_what_is_sent_after_a_failure_has_attempts_of_its_own(
    database: Database,
    ingestions: Ingestions,
    tenant: str,
    document: UUID,
    content: str,
    announced: bool,
) -> None:
    """Else a smaller file, sent because a large one was given up, would be given up as well."""
    await stood_still(database, ingestions, tenant, document, times=5)
    given = await held(ingestions, tenant, "a")
    assert (await standing(database, tenant, document)).attempts == 5
    await ingestions.fail(tenant, document, given, "Never finished.")
    if announced:
        await Documents(database).register(tenant, NAME, sha256=digest(content), metadata={})
    else:
        await claim(ingestions, tenant, content)
    assert (await standing(database, tenant, document)).attempts == 0


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
