"""Jobs: work that outlives a request. Deleting a document is one."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuids
from psycopg.types.json import Jsonb

from quire.domain import Job
from quire.errors import NotFound
from quire.store.database import Database

# How long a job may rest before the sweeper takes it for forgotten.
IDLE_SECONDS = 60
MAX_ATTEMPTS = 10


class Jobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str, job: UUID) -> tuple[Job, UUID | None]:
        """The job and the document it is about. Raises NotFound."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select id, kind, status, done, total, result, error, document_id
                   from jobs where id = %s""",
                [job],
            ),
        )
        if not rows:
            raise NotFound("There is no such job.")
        document = rows[0].pop("document_id")
        return Job(**rows[0]), document

    async def request_deletion(self, tenant: str, document: UUID) -> UUID:
        """The job that deletes it, an earlier one if there is; from now on it is served no more.

        Raises NotFound.
        """
        _, _, rows = await self._database.run(
            tenant,
            (
                """update documents set status = 'deleting', updated_at = now()
                   where id = %s and status not in ('deleting', 'deleted')""",
                [document],
            ),
            (
                """insert into jobs (tenant_id, id, kind, document_id, status, total)
                   select %s, %s, 'delete', id, 'queued', 1 from documents d
                   where id = %s and status = 'deleting' and not exists (
                       select 1 from jobs j
                       where j.document_id = d.id and j.status in ('queued', 'running'))""",
                [tenant, uuids.uuid7(), document],
            ),
            (
                """select j.id from jobs j join documents d on d.id = j.document_id
                   where d.id = %s and d.status = 'deleting'
                     and j.status in ('queued', 'running')""",
                [document],
            ),
        )
        if not rows:
            raise NotFound("There is no such document.")
        job: UUID = rows[0]["id"]
        return job

    async def finish_deletion(
        self, tenant: str, job: UUID, document: UUID, *, result: Mapping[str, Any]
    ) -> None:
        """Leave nothing of the document but its tombstone, in one transaction."""
        await self._database.run(
            tenant,
            (
                """delete from versions v using documents d
                   where v.document_id = %s and d.id = v.document_id and d.status = 'deleting'""",
                [document],
            ),
            (
                """update documents set status = 'deleted', current_version = null, done = 0,
                       total = 0, error = null, metadata = '{}', updated_at = now()
                   where id = %s and status = 'deleting'""",
                [document],
            ),
            (
                """update jobs set status = 'done', done = total, result = %s, updated_at = now()
                   where id = %s""",
                [Jsonb(result), job],
            ),
        )

    async def take_forgotten(self, *, most: int) -> list[tuple[str, UUID]]:
        """Tenant and id of jobs nobody has touched for a while, of all tenants.

        Each is touched by this, so the others have their turn; asked for too often, it fails.
        """
        (rows,) = await self._database.run(
            None,
            (
                """select tenant_id, id
                   from take_forgotten_jobs(make_interval(secs => %s), %s, %s)""",
                [IDLE_SECONDS, MAX_ATTEMPTS, most],
            ),
        )
        return [(row["tenant_id"], row["id"]) for row in rows]
