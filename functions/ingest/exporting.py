"""Exporting what a user or a tenant has: one archive, written page by page, step by step.

Tables become files of JSON lines; a tenant's documents come along as they were sent and as they
were read. A tar's members follow each other, so any step can go on where the last one ended.
"""

import json
import tarfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from functions.ingest.jobs import Step, Steps
from functions.ingest.pipeline import MAX_BYTES
from quire.archives import PART_BYTES, Archives
from quire.domain import Job
from quire.errors import NotFound, TooLarge
from quire.object_keys import export_key, texts_prefix, upload_prefix
from quire.objects import Objects
from quire.observability import log
from quire.store.exports import TABLES, Exports

# How long the bucket keeps an archive (`infra/documents.py`).
KEPT_DAYS = 7
_ROWS_AT_ONCE = 200
_OBJECTS_AT_ONCE = 100
_ASIDE = "{}.aside-"
_END = b"\0" * 2 * tarfile.BLOCKSIZE


class Exporting(Steps):
    """A job of kind `export`: its request names a `user`, or nobody for all of the tenant's."""

    def __init__(
        self, *, exports: Exports, objects: Objects, archives: Archives, most: int = MAX_BYTES
    ) -> None:
        """An upload of more than `most` bytes, which was never read, is left out and counted."""
        self._exports = exports
        self._objects = objects
        self._archives = archives
        self._most = most

    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Add members until the time is over; what makes no part yet is put aside."""
        key, user = export_key(tenant, job.id), job.request.get("user")
        cursor = {"counts": {}, "tags": [], "source": 0, "after": None, **job.cursor}
        if "result" in cursor:
            await self._finish(cursor)
            return Step(done=1, total=1, result=cursor["result"])
        if "upload" not in cursor:
            cursor |= {"key": key, "upload": await self._archives.begin(key), "aside": 0}
        written = bytearray()
        if cursor["aside"]:
            written += (await self._objects.get(_aside(key, cursor["aside"]))).content
        async for member in self._members(tenant, user, cursor):
            written += member
            if len(written) >= PART_BYTES:
                await self._put(cursor, written)
            if time.monotonic() > until:
                return Step(total=1, cursor=await self._put_aside(cursor, written))
        told = _about(tenant, user, cursor["counts"])
        written += _member("about.json", json.dumps(told, indent=1).encode()) + _END
        size = cursor.get("bytes", 0) + len(written)
        await self._put(cursor, written)
        return Step(total=1, cursor={**cursor, "result": {**told, "bytes": size}})

    async def abandon(self, job: Job) -> None:
        if "upload" in job.cursor:
            with suppress(NotFound):
                await self._archives.abandon(job.cursor["key"], job.cursor["upload"])

    async def _finish(self, cursor: Mapping[str, Any]) -> None:
        """In a step of its own: once it is done, nothing can be added any more."""
        key = cursor["key"]
        try:
            await self._archives.finish(key, cursor["upload"], cursor["tags"])
        except NotFound:
            if not await self._objects.exists(key):  # nor has a worker that died of it done so
                raise
        await self._objects.purge(_ASIDE.format(key))

    async def _content(self, key: str, tenant: str) -> bytes | None:
        """None of an upload that is larger than what is ever read. Raises NotFound, Unavailable."""
        most = self._most if key.startswith(upload_prefix(tenant)) else None
        try:
            return (await self._objects.get(key, most=most)).content
        except TooLarge as error:
            log.warning("an export is without a file", cause=error.message)
            return None

    async def _put(self, cursor: dict[str, Any], written: bytearray) -> None:
        number = len(cursor["tags"]) + 1
        tag = await self._archives.put(cursor["key"], cursor["upload"], number, bytes(written))
        cursor["tags"] = [*cursor["tags"], tag]
        cursor["bytes"] = cursor.get("bytes", 0) + len(written)
        written.clear()

    async def _put_aside(self, cursor: dict[str, Any], written: bytearray) -> dict[str, Any]:
        # Numbered: should this step be done again, it begins with what it began with.
        number = cursor["aside"] + 1
        aside, kind = _aside(cursor["key"], number), "application/x-tar"
        await self._objects.put(aside, bytes(written), content_type=kind, metadata={})
        return {**cursor, "aside": number}

    async def _members(
        self, tenant: str, user: str | None, cursor: dict[str, Any]
    ) -> AsyncIterator[bytes]:
        """What is still to be added; whenever one is yielded, the cursor is behind it."""
        counts = Counter[str](cursor["counts"])
        tables = [table for table in TABLES if user is None or table.users]
        for number, table in enumerate(tables):
            while cursor["source"] == number:
                rows, after = await self._exports.page(
                    tenant, table, user=user, after=cursor["after"], most=_ROWS_AT_ONCE
                )
                name = f"{table.name}/{counts[table.name] // _ROWS_AT_ONCE + 1:06}.jsonl"
                counts[table.name] += len(rows)
                cursor |= {"counts": dict(counts), "after": after}
                cursor["source"] += after is None
                if rows:
                    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                    yield _member(name, "".join(lines).encode())
        prefixes = [upload_prefix(tenant), texts_prefix(tenant)] if user is None else []
        for number, prefix in enumerate(prefixes, start=len(tables)):
            while cursor["source"] == number:
                listed = await self._objects.list(
                    prefix, after=cursor["after"] or prefix, most=_OBJECTS_AT_ONCE
                )
                for key, _ in listed:
                    cursor |= {"after": key}
                    with suppress(NotFound):  # it was deleted just now
                        content = await self._content(key, tenant)
                        counts["objects" if content is not None else "left_out"] += 1
                        cursor |= {"counts": dict(counts)}
                        if content is not None:
                            yield _member(_named(key, tenant), content)
                if not listed:
                    cursor |= {"source": number + 1, "after": None}


def _member(name: str, content: bytes) -> bytes:
    written = BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        described = tarfile.TarInfo(name)
        described.size, described.mtime = len(content), int(time.time())
        archive.addfile(described, BytesIO(content))
        return written.getvalue()[: archive.offset]


def _named(key: str, tenant: str) -> str:
    """Without the tenant, which is the same for all."""
    kind, _, name = key.partition(f"/{tenant}/")
    return f"{kind}/{name}"


def _aside(key: str, number: int) -> str:
    return f"{_ASIDE.format(key)}{number}"


def _about(tenant: str, user: str | None, counts: Mapping[str, int]) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "tenant_id": tenant,
        "user_id": user,
        "exported_at": now.isoformat(),
        "expires_at": (now + timedelta(days=KEPT_DAYS)).isoformat(),
        "counts": dict(counts),
    }
