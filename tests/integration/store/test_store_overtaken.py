"""Workers that died, were overtaken or came late, and what they may not do then."""

from unittest.mock import ANY
from uuid import UUID

import pytest

from quire.domain import Claim, DocumentStatus
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from tests.integration.store.conftest import (
    advance,
    claim,
    commit,
    held,
    ready,
    standing,
)


async def test_a_dead_workers_claim_runs_out(ingestions: Ingestions, tenant: str) -> None:
    assert await claim(ingestions, tenant, "a", lease=0) == Claim(id=ANY, version=1, done=0)
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=1, done=0)
    assert await claim(ingestions, tenant, "a") is None


async def test_the_next_worker_goes_on_where_the_last_stopped(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    given = await held(ingestions, tenant, "a")
    await commit(database, tenant, advance(tenant, 1, chunks=[0, 1], total=3))
    assert await claim(ingestions, tenant, "a") is None, "a commit does not end the claim"
    await ingestions.release(tenant, document, given)
    assert await claim(ingestions, tenant, "a") == Claim(id=ANY, version=1, done=2)
    seen = await Documents(database).get(tenant, document)
    assert (seen.status, seen.done, seen.total) == (DocumentStatus.EMBEDDING, 2, 3)


async def test_other_bytes_begin_at_the_beginning(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    await claim(ingestions, tenant, "a")
    await commit(database, tenant, advance(tenant, 1, chunks=[0, 1], total=3))
    assert await claim(ingestions, tenant, "b") == Claim(id=ANY, version=2, done=0)
    seen = await Documents(database).get(tenant, document)
    assert (seen.status, seen.done, seen.total) == (DocumentStatus.EXTRACTING, 0, 0)


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        ("0A", "0B", True),
        ("0B", "0A", False),
        ("0B", "0B", True),  # a second delivery of what another worker may have begun
        ("0A1", "0B", True),  # they compare as if padded on the right
        ("0B", "0A1", False),
        ("0B", "0B00", True),
        (None, "0A", True),
        ("0B", None, True),
    ],
)
async def test_an_older_event_comes_too_late(
    database: Database,
    ingestions: Ingestions,
    tenant: str,
    first: str | None,
    second: str | None,
    taken: bool,
) -> None:
    await claim(ingestions, tenant, "a", sequencer=first)
    await commit(database, tenant, advance(tenant, 1))
    assert (await claim(ingestions, tenant, "b", sequencer=second) is not None) == taken


async def test_what_was_seen_is_not_forgotten_by_a_message_of_our_own(
    database: Database, ingestions: Ingestions, tenant: str
) -> None:
    await claim(ingestions, tenant, "a", sequencer="0B")
    await commit(database, tenant, advance(tenant, 1))
    assert await claim(ingestions, tenant, "b") == Claim(id=ANY, version=2, done=0)
    assert await claim(ingestions, tenant, "c", sequencer="0A") is None


async def test_a_deletion_waits_for_its_worker_only_until_that_lets_go(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    given = await held(ingestions, tenant, "a")
    await Jobs(database).request_deletion(tenant, document)
    assert (await standing(database, tenant, document)).leased
    await ingestions.release(tenant, document, given)
    assert not (await standing(database, tenant, document)).leased


@pytest.mark.parametrize("ends", ["releases", "fails", "restarts"])
async def test_who_was_overtaken_is_waited_for_until_it_lets_go(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, ends: str
) -> None:
    """Else it might write what a deletion has just certified to be gone."""
    slow = await held(ingestions, tenant, "a")
    await ready(database, tenant, "b")
    await Jobs(database).request_deletion(tenant, document)
    assert (await standing(database, tenant, document)).leased
    match ends:
        case "releases":
            await ingestions.release(tenant, document, slow)
        case "fails":
            assert not await ingestions.fail(tenant, document, slow, "Nobody cares.")
        case "restarts":
            await ingestions.restart(tenant, document, slow)
    assert not (await standing(database, tenant, document)).leased


async def test_a_version_that_is_ready_is_in_nobodys_hands(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID
) -> None:
    await held(ingestions, tenant, "a")
    await commit(database, tenant, advance(tenant, 1, total=2))
    assert (await standing(database, tenant, document)).leased, "there is more to come"
    await commit(database, tenant, advance(tenant, 1, chunks=[1], total=2))
    assert not (await standing(database, tenant, document)).leased


@pytest.mark.parametrize("ends", ["releases", "fails", "restarts"])
async def test_a_late_worker_takes_nothing_from_its_successor(
    database: Database, ingestions: Ingestions, tenant: str, document: UUID, ends: str
) -> None:
    late = await held(ingestions, tenant, "a", lease=0)
    await held(ingestions, tenant, "a")
    before = await standing(database, tenant, document)
    match ends:
        case "releases":
            await ingestions.release(tenant, document, late)
        case "fails":
            assert not await ingestions.fail(tenant, document, late, "Too slow.")
        case "restarts":
            await ingestions.restart(tenant, document, late)
    after = await standing(database, tenant, document)
    assert (after.status, after.leased, after.updated_at) == ("extracting", True, before.updated_at)
    assert await claim(ingestions, tenant, "a") is None
