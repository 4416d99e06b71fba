"""What keeps ingestion going: failures, standings and deadlines."""

from unittest.mock import ANY
from uuid import UUID

import pytest

from quire.domain import Claim, DocumentStatus
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions
from quire.store.standings import Standings
from tests.integration.store.conftest import (
    NAME,
    Owner,
    advance,
    claim,
    commit,
    digest,
    held,
    ready,
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
