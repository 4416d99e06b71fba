"""Documents: what is known of each, and the claim that lets one worker at a time ingest it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from quire.domain import Chunk, Document, DocumentStatus, Page, Usage, document_id
from quire.errors import Conflict, NotFound
from quire.store.database import Database, Row, Statement
from quire.store.usage import add_usage

_DOCUMENT = """
    id, filename, title, version, current_version, status, done, total, tokens, cost_usd, error,
    sha256, metadata, created_at, updated_at,
    coalesce((select v.chunks from versions v
              where v.document_id = d.id and v.version = d.current_version), 0) as chunks
"""


class Documents:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(
        self, tenant: str, filename: str, *, sha256: bytes, metadata: Mapping[str, str]
    ) -> Document:
        """Announce new bytes under a name; the same bytes again change nothing.

        Raises Conflict while the document is being deleted.
        """
        *_, rows = await self._database.run(
            tenant,
            (
                """insert into documents as d
                       (tenant_id, id, filename, title, version, status, sha256, metadata)
                   values (%s, %s, %s, %s, 1, 'queued', %s, %s)
                   on conflict (tenant_id, id) do update set
                       version = d.version + (d.sha256 is not null)::int,
                       status = 'queued', sha256 = excluded.sha256, error = null,
                       metadata = excluded.metadata, lease_until = null, updated_at = now()
                   where d.status <> 'deleting'
                     and (d.sha256 is distinct from excluded.sha256 or d.status = 'deleted')""",
                [
                    tenant,
                    document_id(tenant, filename),
                    filename,
                    filename,
                    sha256,
                    Jsonb(metadata),
                ],
            ),
            _select(document_id(tenant, filename)),
        )
        return _not_deleting(_one(rows))

    async def check_not_deleting(self, tenant: str, filename: str) -> None:
        """Raises Conflict while the document of that name is being deleted."""
        (rows,) = await self._database.run(tenant, _select(document_id(tenant, filename)))
        if rows:
            _not_deleting(_one(rows))

    async def expect(self, tenant: str, filename: str) -> UUID:
        """Announce an upload whose bytes are not known yet.

        Raises Conflict while the document is being deleted.
        """
        document = document_id(tenant, filename)
        *_, rows = await self._database.run(
            tenant,
            (
                """insert into documents (tenant_id, id, filename, title, version, status)
                   values (%s, %s, %s, %s, 1, 'awaiting_upload')
                   on conflict (tenant_id, id) do update set
                       status = 'awaiting_upload', sha256 = null, error = null,
                       version = documents.version + 1, updated_at = now()
                   where documents.status = 'deleted'""",
                [tenant, document, filename, filename],
            ),
            _select(document),
        )
        return _not_deleting(_one(rows)).id

    async def claim(
        self,
        tenant: str,
        filename: str,
        *,
        sha256: bytes,
        sequencer: str | None,
        metadata: Mapping[str, str],
        lease: float,
    ) -> int | None:
        """The version to ingest these bytes as, held for `lease` seconds.

        None when there is nothing to do: the bytes are served already, have failed, or are older
        than what was seen since. Raises Conflict while another worker holds the same bytes, or
        the document is being deleted.
        S3's sequencers compare as hex strings padded on the right.
        """
        document = document_id(tenant, filename)
        claimed, held = await self._database.run(
            tenant,
            (
                """insert into documents as d
                       (tenant_id, id, filename, title, version, status, sha256, sequencer,
                        metadata, lease_until)
                   values (%s, %s, %s, %s, 1, 'extracting', %s, %s, %s,
                           now() + make_interval(secs => %s))
                   on conflict (tenant_id, id) do update set
                       version = d.version + (d.status = 'deleted'
                           or d.sha256 is not null and d.sha256 <> excluded.sha256)::int,
                       status = 'extracting', sha256 = excluded.sha256, error = null,
                       sequencer = coalesce(excluded.sequencer, d.sequencer),
                       metadata = excluded.metadata, lease_until = excluded.lease_until,
                       done = 0, total = 0, updated_at = now()
                   where (d.sequencer is null or excluded.sequencer is null
                          or rpad(excluded.sequencer, 64, '0') collate "C"
                             >= rpad(d.sequencer, 64, '0') collate "C")
                     and d.status <> 'deleting'
                     and (d.sha256 is distinct from excluded.sha256
                          or d.status in ('awaiting_upload', 'queued', 'deleted')
                          or d.status in ('extracting', 'embedding')
                             and d.lease_until < now())
                   returning version""",
                [
                    *(tenant, document, filename, filename),
                    *(sha256, sequencer, Jsonb(metadata), lease),
                ],
            ),
            (
                """select 1 from documents
                   where id = %s and (status = 'deleting' or sha256 = %s
                       and status in ('extracting', 'embedding') and lease_until >= now())""",
                [document, sha256],
            ),
        )
        if claimed:
            version: int = claimed[0]["version"]
            return version
        if held:
            raise Conflict("This document is being worked on.")
        return None

    async def progress(
        self, tenant: str, document: UUID, version: int, *, done: int, total: int, lease: float
    ) -> None:
        await self._database.run(
            tenant,
            (
                """update documents set status = 'embedding', done = %s, total = %s,
                       lease_until = now() + make_interval(secs => %s), updated_at = now()
                   where id = %s and version = %s and status in ('extracting', 'embedding')""",
                [done, total, lease, document, version],
            ),
        )

    async def publish(
        self,
        tenant: str,
        document: UUID,
        version: int,
        *,
        title: str,
        sha256: bytes,
        characters: int,
        chunks: Sequence[Chunk],
        chunk_tokens: Sequence[int],
        model: str,
        usage: Usage,
        cost_usd: float,
    ) -> bool:
        """Write the version's rows and make it the one that is served, in one transaction.

        False when a newer version or a deletion overtook it: nothing is served of it then.
        """
        served = """exists (select 1 from documents
                            where id = %s and current_version = %s and status = 'ready')"""
        this = [document, version]
        published, *_ = await self._database.run(
            tenant,
            (
                """update documents set current_version = version, status = 'ready', title = %s,
                       done = %s, total = %s, tokens = tokens + %s, cost_usd = cost_usd + %s,
                       lease_until = null, updated_at = now()
                   where id = %s and version = %s and status in ('extracting', 'embedding')
                   returning id""",
                [title, len(chunks), len(chunks), usage.embedding_tokens, cost_usd, *this],
            ),
            add_usage(tenant, model, usage, cost_usd),
            # What follows depends on it: an overtaken version leaves no row behind.
            (
                f"""insert into versions
                       (tenant_id, document_id, version, title, sha256, chunks, characters)
                   select %s, %s, %s, %s, %s, %s, %s where {served}
                   on conflict (tenant_id, document_id, version) do update set
                       title = excluded.title, chunks = excluded.chunks,
                       characters = excluded.characters""",
                [tenant, *this, title, sha256, len(chunks), characters, *this],
            ),
            (
                f"delete from chunks where document_id = %s and version <= %s and {served}",
                [*this, *this],
            ),
            (
                f"""insert into chunks (tenant_id, document_id, version, ordinal, id, char_start,
                                       char_end, page, heading, tokens, sha256)
                   select %s, %s, %s, c.ordinal, c.id, c.char_start, c.char_end, c.page,
                          c.heading, c.tokens, decode(c.sha256, 'hex')
                   from jsonb_to_recordset(%s) as c (
                       ordinal int, id uuid, char_start int, char_end int, page int,
                       heading text[], tokens int, sha256 text)
                   where {served}""",
                [tenant, *this, Jsonb(list(_chunk_rows(chunks, chunk_tokens))), *this],
            ),
        )
        return bool(published)

    async def fail(self, tenant: str, document: UUID, version: int, cause: str) -> None:
        await self._database.run(
            tenant,
            (
                """update documents set status = 'failed', error = %s, lease_until = null,
                       updated_at = now()
                   where id = %s and version = %s and status in ('extracting', 'embedding')""",
                [cause, document, version],
            ),
        )

    async def get(self, tenant: str, document: UUID) -> Document:
        """Raises NotFound."""
        (rows,) = await self._database.run(tenant, _select(document))
        return _one(rows)

    async def list(
        self, tenant: str, *, status: DocumentStatus | None, limit: int, after: UUID | None
    ) -> Page[Document]:
        """In the order of their ids; deleted ones only when asked for."""
        (rows,) = await self._database.run(
            tenant,
            (
                f"""select {_DOCUMENT} from documents d
                    where (%s::text is null and status <> 'deleted' or status = %s)
                      and (%s::uuid is null or id > %s)
                    order by id limit %s""",
                [status, status, after, after, limit + 1],
            ),
        )
        return Page(items=[_document(r) for r in rows[:limit]], has_more=len(rows) > limit)

    async def served_versions(self, tenant: str, documents: Iterable[UUID]) -> dict[UUID, int]:
        """Which version of each is served now; those being deleted are left out."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select id, current_version from documents
                   where id = any(%s) and current_version is not null
                     and status not in ('deleting', 'deleted')""",
                [list(documents)],
            ),
        )
        return {row["id"]: row["current_version"] for row in rows}


def _select(document: UUID) -> Statement:
    return (f"select {_DOCUMENT} from documents d where id = %s", [document])


def _document(row: Row) -> Document:
    return Document(**{**row, "status": DocumentStatus(row["status"])})


def _one(rows: Sequence[Row]) -> Document:
    if not rows:
        raise NotFound("There is no such document.")
    return _document(rows[0])


def _not_deleting(document: Document) -> Document:
    if document.status is DocumentStatus.DELETING:
        raise Conflict("This document is being deleted; try again in a moment.")
    return document


def _chunk_rows(chunks: Sequence[Chunk], tokens: Sequence[int]) -> Iterable[dict[str, Any]]:
    for chunk, count in zip(chunks, tokens, strict=True):
        yield {
            "ordinal": chunk.ordinal,
            "id": str(chunk.id),
            "char_start": chunk.start,
            "char_end": chunk.end,
            "page": chunk.page,
            "heading": list(chunk.heading),
            "tokens": count,
            "sha256": hashlib.sha256(chunk.text.encode()).hexdigest(),
        }
