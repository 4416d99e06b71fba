"""Jobs: work that outlives a request, and what is left of it when an invocation ends."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuids
from psycopg.types.json import Jsonb

from quire.domain import Job, Page
from quire.errors import Conflict, NotFound
from quire.store.corpora import change_corpus
from quire.store.database import Database, Statement

_JOB = """id, kind, status, done, total, result, error, document_id as document, request, cursor,
          attempts, created_at"""


class Jobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str, job: UUID) -> Job:
        """Raises NotFound."""
        (rows,) = await self._database.run(
            tenant, (f"select {_JOB} from jobs where id = %s", [job])
        )
        if not rows:
            raise NotFound("There is no such job.")
        return Job(**rows[0])

    async def list(self, tenant: str, *, limit: int, after: UUID | None) -> Page[Job]:
        """The newest first."""
        (rows,) = await self._database.run(
            tenant,
            (
                f"""select {_JOB} from jobs where %s::uuid is null or id < %s
                    order by id desc limit %s""",
                [after, after, limit + 1],
            ),
        )
        return Page(items=[Job(**row) for row in rows[:limit]], has_more=len(rows) > limit)

    async def request(
        self, tenant: str, kind: str, request: Mapping[str, Any], *, alone: bool = True
    ) -> UUID:
        """A job of that kind; the one that is under way, if there is one.

        Raises Conflict when that one was asked for something else; jobs that need not be `alone`
        go on side by side then.
        """
        beside = None if alone else Jsonb(request)
        *_, rows = await self._database.run(
            tenant,
            # Whoever asks at the same moment finds this one's job.
            ("select pg_advisory_xact_lock(hashtext(%s))", [f"{tenant}/{kind}"]),
            # At one glance: one that ends meanwhile is the answer all the same.
            (
                """with under_way as (
                       select id, request from jobs
                       where kind = %s and status in ('queued', 'running')
                         and request = coalesce(%s, request)
                       order by id limit 1
                   ), begun as (
                       insert into jobs (tenant_id, id, kind, status, request)
                       select %s, %s, %s, 'queued', %s
                       where not exists (select from under_way)
                       returning id, request
                   )
                   select id, request from under_way union all select id, request from begun""",
                [kind, beside, tenant, uuids.uuid7(), kind, Jsonb(request)],
            ),
        )
        if rows[0]["request"] != request:
            raise Conflict(f"Another {kind} is under way; ask again when it has ended.")
        job: UUID = rows[0]["id"]
        return job

    async def request_deletion(
        self,
        tenant: str,
        document: UUID,
        *,
        sequencer: str | None = None,
        unwanted: str | None = None,
    ) -> UUID | None:
        """The job that deletes it, an earlier one if there is; from now on it is served no more.

        `unwanted` is the identity of the original that goes with it; without, any does. None when
        the document has seen a later event than `sequencer`. Raises NotFound.
        """
        _, _, _, rows, _, there = await self._database.run(
            tenant,
            (
                """update documents set status = 'deleting', updated_at = now(),
                       sequencer = coalesce(%s, sequencer), unwanted = %s
                   where id = %s and status not in ('deleting', 'deleted')
                     and (sequencer is null or %s::text is null
                          or rpad(%s, 64, '0') collate "C" >= rpad(sequencer, 64, '0') collate "C")
                """,
                [sequencer, unwanted, document, sequencer, sequencer],
            ),
            (
                """update versions v set state = 'retired', retired_at = now() from documents d
                   where d.id = %s and d.status = 'deleting' and v.document_id = d.id
                     and v.state in ('writing', 'served')""",
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
            change_corpus(tenant),
            ("select id from documents where id = %s and status <> 'deleted'", [document]),
        )
        if not there:
            raise NotFound("There is no such document.")
        return rows[0]["id"] if rows else None

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
                """update documents set status = 'deleted', title = filename, sha256 = null,
                       current_version = null, done = 0, total = 0, tokens = 0, cost_usd = 0,
                       error = null, metadata = '{}', lease_until = null, unwanted = null,
                       updated_at = now()
                   where id = %s and status = 'deleting'""",
                [document],
            ),
            # They quote whatever was found, and there are few: all of the tenant's.
            ("delete from answer_cache", []),
            _finish(job, result),
        )

    async def begin(self, tenant: str, job: UUID, *, lease: float) -> Job | None:
        """Have its next step to oneself for `lease` seconds, one attempt more.

        None when there is none to be had: another worker has it, it rests, or it has ended.
        """
        (rows,) = await self._database.run(
            tenant,
            (
                f"""update jobs set attempts = attempts + 1,
                        lease_until = now() + make_interval(secs => %s)
                    where id = %s and status in ('queued', 'running')
                      and coalesce(lease_until < now(), true)
                    returning {_JOB}""",
                [lease, job],
            ),
        )
        return Job(**rows[0]) if rows else None

    async def release(self, tenant: str, job: UUID) -> None:
        """As if its step had not been begun: it may be tried again at once."""
        await self._database.run(
            tenant,
            (
                "update jobs set attempts = attempts - 1, lease_until = null where id = %s",
                [job],
            ),
        )

    async def advance(
        self,
        tenant: str,
        job: UUID,
        *,
        done: int,
        total: int,
        cursor: Mapping[str, Any],
        rest: float = 0,
    ) -> None:
        """End a step; the next one may begin in `rest` seconds."""
        await self._database.run(
            tenant,
            (
                """update jobs set status = 'running', done = %s, total = %s, cursor = %s,
                       attempts = 0, lease_until = now() + make_interval(secs => %s),
                       updated_at = now()
                   where id = %s and status in ('queued', 'running')""",
                [done, total, Jsonb(cursor), rest, job],
            ),
        )

    async def finish(self, tenant: str, job: UUID, *, result: Mapping[str, Any]) -> None:
        await self._database.run(tenant, _finish(job, result))

    async def fail(self, tenant: str, job: UUID, cause: str) -> None:
        await self._database.run(
            tenant,
            (
                """update jobs set status = 'failed', error = %s, updated_at = now()
                   where id = %s and status in ('queued', 'running')""",
                [cause, job],
            ),
        )

    async def unfinished(
        self, *, after: tuple[str, UUID] = ("", UUID(int=0)), most: int
    ) -> Sequence[tuple[str, UUID]]:
        """Tenant and id of all tenants' jobs that have not ended, in that order."""
        (rows,) = await self._database.run(
            None, ("select tenant_id, id from unfinished_jobs(%s, %s, %s)", [*after, most])
        )
        return [(row["tenant_id"], row["id"]) for row in rows]


def _finish(job: UUID, result: Mapping[str, Any]) -> Statement:
    return (
        """update jobs set status = 'done', done = greatest(done, total), result = %s,
               error = null, lease_until = null, updated_at = now()
           where id = %s and status in ('queued', 'running')""",
        [Jsonb(result), job],
    )
