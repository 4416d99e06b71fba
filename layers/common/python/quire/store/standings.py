"""Standings: how far documents have come, and whether they may go on."""

from collections.abc import Sequence
from uuid import UUID

from quire.domain import Standing, document_id
from quire.store.database import Database


class Standings:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant: str, documents: Sequence[UUID]) -> list[Standing]:
        """How far each has come, as deadlines ask it."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select d.id as document, d.filename, d.status, d.version, d.current_version,
                          d.sha256, d.attempts, d.updated_at, d.unwanted,
                          exists (select from versions v
                                  where v.document_id = d.id and v.lease_until > now()) as leased,
                          coalesce(d.lease_until <= now(), false) as dropped,
                          extract(epoch from now() - d.updated_at)::float8 as seconds,
                          array(select v.version from versions v
                                where v.document_id = d.id and v.state in ('writing', 'retired')
                                  and (v.version <> d.version
                                       or d.status in ('ready', 'failed'))
                                order by v.version) as leftover,
                          (select extract(epoch from now() - max(v.retired_at))::float8
                           from versions v
                           where v.document_id = d.id and v.state = 'retired') as retired_seconds
                   from documents d where d.id = any(%s)""",
                [list(documents)],
            ),
        )
        return [Standing(**row) for row in rows]

    async def known(self, tenant: str, documents: Sequence[UUID]) -> set[UUID]:
        """Which of these there are; deleted ones there are no more."""
        (rows,) = await self._database.run(
            tenant,
            (
                "select id from documents where id = any(%s) and status <> 'deleted'",
                [list(documents)],
            ),
        )
        return {row["id"] for row in rows}

    async def admit(self, tenant: str, filenames: Sequence[str], *, share: int) -> set[str]:
        """Which of these may go on now: a tenant has `share` documents under way at a time.

        Those that have to wait are announced, so that one sees them in the queue.
        """
        ids = {document_id(tenant, name): name for name in filenames}
        (rows,) = await self._database.run(
            tenant,
            (
                """select count(*) as n from documents
                   where status in ('queued', 'extracting', 'embedding') and id <> all(%s)""",
                [list(ids)],
            ),
        )
        admitted = list(dict.fromkeys(filenames))[: max(0, share - rows[0]["n"])]
        waiting = [name for name in ids.values() if name not in admitted]
        if waiting:
            await self.announce(tenant, waiting)
        return set(admitted)

    async def announce(
        self, tenant: str, filenames: Sequence[str], *, cause: str | None = None
    ) -> None:
        """Tell that documents wait, and why, until they are claimed; what is held is left alone."""
        names = list(dict.fromkeys(filenames))
        await self._database.run(
            tenant,
            (
                """insert into documents as d
                       (tenant_id, id, filename, title, version, status, error)
                   select t.tenant_id, w.id, w.filename, w.filename, 1, 'queued', %s
                   from tenants t, unnest(%s::uuid[], %s::text[]) as w (id, filename)
                   where t.tenant_id = %s and t.closed_at is null
                   on conflict (tenant_id, id) do update set
                       error = excluded.error,
                       status = case when d.status = 'awaiting_upload' then 'queued'
                                     else d.status end,
                       updated_at = case when d.status = 'awaiting_upload' then now()
                                         else d.updated_at end
                   where d.status = 'awaiting_upload'
                      or d.status in ('queued', 'extracting', 'embedding')
                         and coalesce(d.lease_until < now(), true)
                         and d.error is distinct from excluded.error""",
                [cause, [document_id(tenant, name) for name in names], names, tenant],
            ),
        )

    async def put_back(self, tenant: str, standing: Standing) -> bool:
        """Count that a document goes back on its queue; False when it stands still no more."""
        (rows,) = await self._database.run(
            tenant,
            (
                """update documents set attempts = attempts + 1, updated_at = now(),
                       lease_until = null
                   where id = %s and updated_at = %s and coalesce(lease_until < now(), true)
                   returning id""",
                [standing.document, standing.updated_at],
            ),
        )
        return bool(rows)

    async def forget_versions(self, tenant: str, document: UUID, versions: Sequence[int]) -> None:
        """Their points are gone, so their rows go; that they were, and their texts, is kept.

        What is served, or in the making, stays.
        """
        await self._database.run(
            tenant,
            (
                """update versions v set state = 'past' from documents d
                   where d.id = %s and v.document_id = d.id and v.version = any(%s)
                     and (v.state = 'retired' or v.state = 'writing' and v.version <> d.version)""",
                [document, list(versions)],
            ),
            (
                """delete from chunks c using versions v
                   where v.document_id = %s and v.version = any(%s) and v.state = 'past'
                     and c.document_id = v.document_id and c.version = v.version""",
                [document, list(versions)],
            ),
        )

    async def unsettled(
        self, *, after: tuple[str, UUID] = ("", UUID(int=0)), most: int
    ) -> list[tuple[str, UUID]]:
        """All tenants' documents of which something is still to be done, in that order."""
        (rows,) = await self._database.run(
            None, ("select tenant_id, id from unsettled_documents(%s, %s, %s)", [*after, most])
        )
        return [(row["tenant_id"], row["id"]) for row in rows]
