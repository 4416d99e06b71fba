"""What is not to be done now, because the stage's switches say so: it comes back later."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from functions.ingest.messages import Asked
from quire.errors import Unavailable
from quire.object_keys import parse_upload_key
from quire.store.limits import RateLimits
from quire.switches import Switches

Watched = Mapping[str, Sequence[UUID]]

# After so long a message is looked at again.
PAUSE_SECONDS = 300


def waits(asked: Asked, switches: Switches) -> bool:
    """Whether a message is to come back. What is deleted is deleted, though nothing is read."""
    if switches.read_only:
        return True
    reading = [named[0] for u in asked.uploads if (named := parse_upload_key(u.key))]
    return any(not switches.reads(tenant) for tenant in reading) or any(
        job[0] in switches.suspended for job in (asked.job, asked.job_watch) if job
    )


async def spent(tenants: Iterable[str], limits: RateLimits) -> set[str]:
    """Those that have spent all of their day. Whoever cannot be asked after has not: no outage is
    to end a watch, and the deadlines bear one.
    """
    over = set()
    for tenant in tenants:
        with suppress(Unavailable):
            if await limits.used_up(tenant):
                over.add(tenant)
    return over


def parted(
    watched: Watched, switches: Switches, spent: Collection[str] = ()
) -> tuple[Watched, Watched]:
    """Those documents whose deadlines may pass, and those of tenants that nothing is read of: so
    the switches say, or they have `spent` all of their day.
    """
    due = {t: ids for t, ids in watched.items() if switches.reads(t) and t not in spent}
    return due, {tenant: ids for tenant, ids in watched.items() if tenant not in due}
