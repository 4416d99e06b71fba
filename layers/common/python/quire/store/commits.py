"""Statements of a commit: what was indexed is kept, and what is whole by then is served."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from quire.domain import Advance, Collection
from quire.store.database import Statement

_ADVANCES = """jsonb_to_recordset(%s) as a (
    document uuid, version int, title text, characters int, done int, total int, tokens bigint,
    cost_usd float8)"""


def keep_advances(
    tenant: str, advances: Sequence[Advance], written: Sequence[Collection]
) -> Statement:
    """Answers the documents it is kept of: those that nothing has overtaken."""
    rows = Jsonb([row for advance in advances for row in _chunk_rows(advance)])
    return (
        # Rows are written of what is kept: an overtaken version leaves none behind.
        f"""with kept as (
               update documents d set
                   status = case when a.done = a.total then 'ready' else 'embedding' end,
                   current_version = case when a.done = a.total then d.version
                                          else d.current_version end,
                   title = case when a.done = a.total then a.title else d.title end,
                   done = a.done, total = a.total, tokens = d.tokens + a.tokens,
                   cost_usd = d.cost_usd + a.cost_usd, attempts = 0, updated_at = now(),
                   lease_until = case when a.done < a.total then d.lease_until end
               from {_ADVANCES}
               where d.id = a.document and d.version = a.version
                 and d.status in ('extracting', 'embedding')
                 and not exists (select from collections c
                                 where (c.live or c.building) and c.name <> all(%s))
               returning d.id, d.version
           ), rows as (
               insert into chunks (tenant_id, document_id, version, ordinal, id,
                                   char_start, char_end, page, heading, tokens, sha256)
               select %s, c.document, c.version, c.ordinal, c.id, c.char_start,
                      c.char_end, c.page, c.heading, c.tokens, decode(c.sha256, 'hex')
               from jsonb_to_recordset(%s) as c (
                   document uuid, version int, ordinal int, id uuid, char_start int,
                   char_end int, page int, heading text[], tokens int, sha256 text)
               join kept on kept.id = c.document and kept.version = c.version
               on conflict (tenant_id, document_id, version, ordinal) do update set
                   id = excluded.id, char_start = excluded.char_start,
                   char_end = excluded.char_end, page = excluded.page,
                   heading = excluded.heading, tokens = excluded.tokens,
                   sha256 = excluded.sha256
           )
           select id from kept""",
        [_advance_rows(advances), [collection.name for collection in written], tenant, rows],
    )


def serve_whole(advances: Sequence[Advance]) -> Statement:
    """The versions before them are retired."""
    return (
        f"""update versions v set
               state = case when v.version = a.version then 'served' else 'retired' end,
               retired_at = case when v.version < a.version then now() end,
               title = case when v.version = a.version then a.title else v.title end,
               lease_until = case when v.version < a.version then v.lease_until end,
               chunks = case when v.version = a.version then a.total else v.chunks end,
               characters = case when v.version = a.version then a.characters
                                 else v.characters end
           from {_ADVANCES}
           join documents d on d.id = a.document
           where a.done = a.total and d.current_version = a.version
             and v.document_id = a.document
             and (v.version = a.version and v.state = 'writing'
                  or v.version < a.version and v.state in ('writing', 'served'))""",
        [_advance_rows(advances)],
    )


def _advance_rows(advances: Sequence[Advance]) -> Jsonb:
    return Jsonb([_advance_row(advance) for advance in advances])


def _advance_row(advance: Advance) -> dict[str, Any]:
    return {
        "document": str(advance.document),
        "version": advance.version,
        "title": advance.title,
        "characters": advance.characters,
        "done": advance.done,
        "total": advance.total,
        "tokens": advance.tokens,
        "cost_usd": advance.cost_usd,
    }


def _chunk_rows(advance: Advance) -> Iterator[dict[str, Any]]:
    for chunk, tokens in advance.chunks:
        yield {
            "document": str(chunk.document),
            "version": chunk.version,
            "ordinal": chunk.ordinal,
            "id": str(chunk.id),
            "char_start": chunk.start,
            "char_end": chunk.end,
            "page": chunk.page,
            "heading": list(chunk.heading),
            "tokens": tokens,
            "sha256": hashlib.sha256(chunk.text.encode()).hexdigest(),
        }
