"""Ingestions: the claim that lets one worker at a time write a version, and what it has written.

A version is `writing` from its claim on, `served` once `commit` has switched to it, `retired` when
another was served instead or it came to nothing, and `past` when its points and rows are gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from quire.domain import Advance, Claim, Collection, document_id
from quire.errors import Conflict
from quire.store.commits import keep_advances, serve_whole
from quire.store.corpora import change_corpus
from quire.store.database import Database, Row, Statement

# A turn excludes these many versions at most; what is beyond is left out after its search.
_MOST_IN_FLUX = 500


class Ingestions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self,
        tenant: str,
        filename: str,
        *,
        sha256: bytes,
        sequencer: str | None,
        metadata: Mapping[str, str],
        lease: float,
    ) -> Claim | None:
        """The version to ingest these bytes as, held for `lease` seconds, and where to go on.

        The lease has to outlast whatever the worker may still write.

        None when there is nothing to do: the bytes are served already, failed by this very event,
        are in another worker's hands, are older than what was seen since, or there is no such
        tenant, or none any more. Raises Conflict while the document is being deleted.
        S3's sequencers compare as hex strings padded on the right.
        """
        document = document_id(tenant, filename)
        claimed, deleting = await self._database.run(
            tenant,
            (
                """with claimed as (
                       insert into documents as d
                           (tenant_id, id, filename, title, version, status, sha256, sequencer,
                            metadata, claim, lease_until)
                       select tenant_id, %s, %s, %s, 1, 'extracting', %s, %s, %s, %s,
                              now() + make_interval(secs => %s)
                       from tenants where tenant_id = %s and closed_at is null
                       on conflict (tenant_id, id) do update set
                           -- What failed may be being tidied up: it is never written again.
                           version = d.version + (d.status = 'deleted' or d.sha256 is not null
                               and (d.sha256 <> excluded.sha256 or d.status = 'failed'))::int,
                           -- The same bytes go on where their last worker stopped.
                           status = case when d.status = 'embedding'
                                              and d.sha256 = excluded.sha256
                                         then 'embedding' else 'extracting' end,
                           done = case when d.status = 'embedding' and d.sha256 = excluded.sha256
                                       then d.done else 0 end,
                           total = case when d.status = 'embedding' and d.sha256 = excluded.sha256
                                        then d.total else 0 end,
                           attempts = case when d.sha256 = excluded.sha256
                                                and d.status <> 'failed'
                                           then d.attempts else 0 end,
                           sha256 = excluded.sha256, error = null,
                           sequencer = coalesce(excluded.sequencer, d.sequencer),
                           metadata = excluded.metadata, claim = excluded.claim,
                           lease_until = excluded.lease_until, updated_at = now()
                       where (d.sequencer is null or excluded.sequencer is null
                              or rpad(excluded.sequencer, 64, '0') collate "C"
                                 >= rpad(d.sequencer, 64, '0') collate "C")
                         and d.status <> 'deleting'
                         and (d.sha256 is distinct from excluded.sha256
                              or d.status in ('awaiting_upload', 'queued', 'deleted')
                              -- What failed is read anew when it is put anew, or asked for.
                              or d.status = 'failed' and (excluded.sequencer is null
                                   or excluded.sequencer is distinct from d.sequencer)
                              or d.status in ('extracting', 'embedding')
                                 and coalesce(d.lease_until < now(), true))
                       returning tenant_id, id, version, done, sha256, claim, lease_until
                   ), opened as (
                       insert into versions as v (tenant_id, document_id, version, title, sha256,
                                                  chunks, characters, state, claim, lease_until)
                       select tenant_id, id, version, %s, sha256, 0, 0, 'writing', claim,
                              lease_until
                       from claimed
                       on conflict (tenant_id, document_id, version) do update set
                           state = 'writing', sha256 = excluded.sha256, claim = excluded.claim,
                           lease_until = excluded.lease_until
                   )
                   select claim as id, version, done from claimed""",
                [
                    *(document, filename, filename, sha256, sequencer, Jsonb(metadata)),
                    *(uuid4(), lease, tenant, filename),
                ],
            ),
            (
                "select id from documents where id = %s and status = 'deleting'",
                [document],
            ),
        )
        if claimed:
            return Claim(**claimed[0])
        if deleting:
            raise Conflict("This document is being deleted.")
        return None

    async def commit(
        self,
        tenant: str,
        advances: Sequence[Advance],
        *,
        written: Sequence[Collection],
        also: Iterable[Statement] = (),
    ) -> set[UUID]:
        """Keep what was indexed of several documents; serve those of which all is, in one go.

        Answers which documents it was kept of. The others were overtaken, by a newer version, a
        deletion or a collection that is not among those `written`: nothing was kept of them.
        """
        kept, *_ = await self._database.run(
            tenant,
            keep_advances(tenant, advances, written),
            serve_whole(advances),
            *([change_corpus(tenant)] if any(a.done == a.total for a in advances) else []),
            *also,
        )
        return {row["id"] for row in kept}

    async def fail(self, tenant: str, document: UUID, claim: UUID, cause: str) -> bool:
        """Whether the version of that claim failed, and not one that came before or after it."""
        failed, *_ = await self._database.run(
            tenant,
            (
                f"{_FAIL} and claim = %s and status in ('extracting', 'embedding') returning id",
                [cause, document, claim],
            ),
            _retire(document),
            _let_go(document, claim),
        )
        return bool(failed)

    async def give_up(
        self, tenant: str, document: UUID, cause: str, *, unmoved: datetime | None = None
    ) -> bool:
        """Whether the newest version failed: it is not at rest, and no worker holds it.

        With `unmoved`, only if nothing was done with it since.
        """
        failed, _ = await self._database.run(
            tenant,
            (
                f"""{_FAIL} and coalesce(lease_until < now(), true)
                      and status in ('awaiting_upload', 'queued', 'extracting', 'embedding')
                      and (%s::timestamptz is null or updated_at = %s)
                    returning id""",
                [cause, document, unmoved, unmoved],
            ),
            _retire(document),
        )
        return bool(failed)

    async def release(self, tenant: str, document: UUID, claim: UUID) -> None:
        """Let another worker go on at once with what this one leaves."""
        await self._database.run(
            tenant,
            (
                """update documents set lease_until = null, updated_at = now()
                   where id = %s and claim = %s
                     and status in ('extracting', 'embedding', 'deleting')""",
                [document, claim],
            ),
            _let_go(document, claim),
        )

    async def restart(self, tenant: str, document: UUID, claim: UUID) -> None:
        """Have a version written from its beginning, by whoever claims it next."""
        await self._database.run(
            tenant,
            (
                """update documents set status = 'extracting', done = 0, total = 0,
                       lease_until = null, updated_at = now()
                   where id = %s and claim = %s and status in ('extracting', 'embedding')""",
                [document, claim],
            ),
            _let_go(document, claim),
        )

    async def in_flux(self, tenant: str) -> list[tuple[UUID, int]]:
        """(document, version) of what may have points but is not, or no more, to be found."""
        (rows,) = await self._database.run(tenant, IN_FLUX)
        return to_in_flux(rows)


def to_in_flux(rows: Sequence[Row]) -> list[tuple[UUID, int]]:
    return [(row["document_id"], row["version"]) for row in rows]


IN_FLUX: Statement = (
    "select document_id, version from versions where state in ('writing', 'retired') limit %s",
    [_MOST_IN_FLUX],
)
_FAIL = """update documents set status = 'failed', error = %s, lease_until = null,
    updated_at = now() where id = %s"""


def _retire(document: UUID) -> Statement:
    """The version that failed, if one did."""
    return (
        """update versions v set state = 'retired', retired_at = now() from documents d
           where d.id = %s and d.status = 'failed' and v.document_id = d.id
             and v.version = d.version and v.state = 'writing'""",
        [document],
    )


def _let_go(document: UUID, claim: UUID) -> Statement:
    """Its worker writes no more, even if the document has gone on without it."""
    return (
        "update versions set lease_until = null where document_id = %s and claim = %s",
        [document, claim],
    )
