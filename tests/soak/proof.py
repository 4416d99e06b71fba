"""What there is of a tenant's documents, asked of PostgreSQL, Qdrant and S3 themselves."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row
from qdrant_client import AsyncQdrantClient, models

from tests.soak.schedules import sections

Owner = psycopg.AsyncConnection[tuple[object, ...]]
_AT_REST = ("ready", "failed", "deleted")


async def complaints(
    owner: Owner,
    qdrant: AsyncQdrantClient,
    keys: Callable[[str], Awaitable[set[str]]],
    tenant: str,
    last_texts: Mapping[str, str | None],
) -> list[str]:
    """What is not as it has to be, when these were the last texts put under these names."""
    documents = await _rows(owner, "documents", tenant)
    unsettled = [
        *(f"{d['filename']} is {d['status']}" for d in documents if d["status"] not in _AT_REST),
        *(
            f"version {v['version']} of {v['document_id']} is {v['state']}"
            for v in await _rows(owner, "versions", tenant)
            if v["state"] in ("writing", "retired")
        ),
        *(
            f"a {job['kind']} job is {job['status']}"
            for job in await _rows(owner, "jobs", tenant)
            if job["status"] != "done"
        ),
    ]
    if unsettled:
        return unsettled
    chunks = defaultdict(list)
    for row in await _rows(owner, "chunks", tenant):
        chunks[str(row["document_id"])].append(row)
    points = defaultdict(list)
    for point in await _points(qdrant, tenant):
        points[str((point.payload or {})["document"])].append(point)
    stored = await keys(tenant)
    named = {document["filename"]: document for document in documents}
    found = [
        f"{name} is not there"
        for name, text in last_texts.items()
        if text is not None and name not in named
    ]
    for document in documents:
        key = str(document["id"])
        served = f"texts/{tenant}/{key}/{document['current_version']}.txt"
        if document["status"] == "ready" and served not in stored:
            found.append(f"{served} is not there")
        found += _compare(
            document, last_texts[document["filename"]], chunks.pop(key, []), points.pop(key, [])
        )
    kept = {str(row["document_id"]) for row in await _rows(owner, "embedding_cache", tenant)}
    kept |= {key.split("/")[2] for key in stored if key.startswith("texts/")}
    gone = kept - {str(d["id"]) for d in documents if d["status"] != "deleted"}
    return [*found, *(f"orphans of {key}" for key in (*chunks, *points, *gone))]


def _compare(
    document: Mapping[str, Any],
    text: str | None,
    chunks: list[dict[str, Any]],
    points: list[models.Record],
) -> list[str]:
    name, version = document["filename"], document["current_version"]
    expected = sections(text or "")
    if not expected:
        left = (len(chunks), len(points), document["status"])
        right = (0, 0, "deleted" if text is None else "failed")
        return [] if left == right else [f"{name}: rows, points and status are {left}"]
    assert text
    payloads = [point.payload or {} for point in points]
    wanted = {
        "status": ("ready", document["status"]),
        "bytes": (hashlib.sha256(text.encode()).digest(), document["sha256"]),
        "served version": (document["version"], version),
        "versions of rows": ({version}, {c["version"] for c in chunks}),
        "versions of points": ({version}, {p["version"] for p in payloads}),
        "ordinals of rows": (list(range(len(expected))), sorted(c["ordinal"] for c in chunks)),
        "ordinals of points": (list(range(len(expected))), sorted(p["ordinal"] for p in payloads)),
        "ids": ({str(c["id"]) for c in chunks}, {str(p.id) for p in points}),
        "sections": (Counter(expected), Counter(s for p in payloads for s in sections(p["text"]))),
        "hashes": (
            {c["ordinal"]: bytes(c["sha256"]) for c in chunks},
            {p["ordinal"]: hashlib.sha256(p["text"].encode()).digest() for p in payloads},
        ),
    }
    return [
        f"{name}: {what} should be {right}, not {seen}"
        for what, (right, seen) in wanted.items()
        if right != seen
    ]


async def _rows(owner: Owner, table: str, tenant: str) -> list[dict[str, Any]]:
    async with owner.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            psycopg.sql.SQL("select * from {} where tenant_id = %s").format(
                psycopg.sql.Identifier(table)
            ),
            [tenant],
        )
        return await cursor.fetchall()


async def _points(qdrant: AsyncQdrantClient, tenant: str) -> list[models.Record]:
    ours = models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant))
    found: list[models.Record] = []
    offset: Any = None
    # All there are: another test may have had the index rebuilt under another name.
    for collection in (await qdrant.get_collections()).collections:
        while True:
            records, offset = await qdrant.scroll(
                collection.name, models.Filter(must=[ours]), limit=1000, offset=offset
            )
            found += records
            if offset is None:
                break
    return found
