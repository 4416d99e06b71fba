"""Documents: what is announced, known and served of each."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from quire.domain import Chunk, Document, DocumentStatus, Page, ServedRows, document_id
from quire.errors import Conflict, NotFound
from quire.store.database import Database, Row, Statement

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
        """Announce new bytes under a name; the same bytes again change nothing, unless they failed.

        Raises Conflict while the document is being deleted.
        """
        *_, rows = await self._database.run(
            tenant,
            (
                """insert into documents as d
                       (tenant_id, id, filename, title, version, status, sha256, metadata)
                   values (%s, %s, %s, %s, 1, 'queued', %s, %s)
                   on conflict (tenant_id, id) do update set
                       version = d.version + (d.status = 'deleted' or d.sha256 is not null
                           and (d.sha256 <> excluded.sha256 or d.status = 'failed'))::int,
                       status = 'queued', sha256 = excluded.sha256, error = null,
                       metadata = excluded.metadata, attempts = 0, lease_until = null,
                       updated_at = now()
                   where d.status <> 'deleting'
                     and (d.sha256 is distinct from excluded.sha256
                          or d.status in ('failed', 'deleted'))""",
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

    async def reingest(self, tenant: str, document: UUID) -> Document:
        """Announce the bytes there are as a new version.

        Raises NotFound, and Conflict while the document is not at rest.
        """
        changed, rows = await self._database.run(
            tenant,
            (
                """update documents set status = 'queued', version = version + 1, error = null,
                       done = 0, total = 0, attempts = 0, lease_until = null, updated_at = now()
                   where id = %s and status in ('ready', 'failed') and sha256 is not null
                   returning id""",
                [document],
            ),
            _select(document),
        )
        found = _one(rows)
        if found.status is DocumentStatus.DELETED:
            raise NotFound("There is no such document.")
        if not changed:
            raise Conflict("This document is being worked on; try again when it is ready.")
        return found

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

    async def count(self, tenant: str) -> int:
        (rows,) = await self._database.run(
            tenant, ("select count(*) as n from documents where status <> 'deleted'", [])
        )
        count: int = rows[0]["n"]
        return count

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

    async def served_rows(self, tenant: str, document: UUID) -> ServedRows:
        """The rows of the chunks that are served. Raises NotFound."""
        documents, rows, versions = await self._database.run(
            tenant,
            (
                """select coalesce(d.current_version, 0) as version, coalesce(v.chunks, 0) as chunks
                   from documents d left join versions v
                     on v.document_id = d.id and v.version = d.current_version
                   where d.id = %s""",
                [document],
            ),
            (
                """select c.id from chunks c join documents d on d.id = c.document_id
                   where d.id = %s and c.version = d.current_version""",
                [document],
            ),
            (
                """select version from versions
                   where document_id = %s and state in ('writing', 'retired')""",
                [document],
            ),
        )
        if not documents:
            raise NotFound("There is no such document.")
        return ServedRows(
            **documents[0],
            rows=[row["id"] for row in rows],
            in_flux=frozenset(row["version"] for row in versions),
        )

    async def served_chunks(self, tenant: str, document: UUID) -> Sequence[tuple[Chunk, int]]:
        """The chunks that are served, without their words, each with its tokens."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select c.id, c.document_id as document, c.version, d.filename, v.title,
                          c.ordinal, c.char_start as start, c.char_end as "end", '' as text,
                          c.heading, c.page, d.metadata, c.tokens
                   from chunks c
                   join documents d on d.id = c.document_id and d.current_version = c.version
                   join versions v on v.document_id = c.document_id and v.version = c.version
                   where d.id = %s and d.status not in ('deleting', 'deleted')
                   order by c.ordinal""",
                [document],
            ),
        )
        return [
            (Chunk(**{**row, "heading": tuple(row["heading"])}), tokens)
            for row in rows
            for tokens in [row.pop("tokens")]
        ]

    async def purge(self, tenant: str, document: UUID) -> dict[str, int]:
        """Delete what rows hold of a document's words; how many of each."""
        chunks, embeddings, answers = await self._database.run(
            tenant,
            ("delete from chunks where document_id = %s returning 1", [document]),
            ("delete from embedding_cache where document_id = %s returning 1", [document]),
            # Any of them may quote it.
            ("delete from answer_cache returning 1", []),
        )
        return {"chunks": len(chunks), "embeddings": len(embeddings), "answers": len(answers)}

    async def count_quotes(self, tenant: str, document: UUID) -> int:
        """How many answers were given from it."""
        (rows,) = await self._database.run(
            tenant,
            (
                "select count(distinct message_id) as n from retrievals where document_id = %s",
                [document],
            ),
        )
        count: int = rows[0]["n"]
        return count


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
