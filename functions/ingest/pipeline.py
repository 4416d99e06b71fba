"""Objects, from event to served: claim → extract → chunk → embed → index → commit.

Each step may be repeated: ids are deterministic, writes are upserts, and only the commit changes
what is served, in one transaction. A worker may die anywhere: the watch that is set before its
claims sees to what it leaves.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterator, Sequence

from functions.ingest.announcing import Announcer
from functions.ingest.indexing import Indexer
from functions.ingest.invocation import Invocation
from functions.ingest.messages import Upload, documents_of, ingest_message
from functions.ingest.reading import OutOfTime, Text, pack, read, unpack
from functions.ingest.telling import tell_document, work_on
from functions.ingest.work import Work
from quire.domain import document_id
from quire.errors import Conflict, NotFound, TooLarge, Unreadable
from quire.metrics import Metric, measure, timed
from quire.object_keys import parse_upload_key, passages_key
from quire.objects import Objects, StoredObject
from quire.observability import content, log
from quire.queue import Queue
from quire.store.ingestions import Ingestions
from quire.tracing import going_on

MAX_BYTES = 100 * 2**20
# Files beyond this are read one at a time: each may take all the memory and the time there is.
SMALL_BYTES = 2**20
# Lambda ends a chain of functions and queues after 16 invocations.
MAX_HOPS = 14
_SIDE_BY_SIDE = 4
# A claim outlives its worker's invocation by so many seconds: what that sent last is done then.
_LEASE_MARGIN = 10
# With so much of an invocation's time to itself, a file would not be read in another one either.
_MOST_OF_IT = 0.8


class Pipeline:
    def __init__(
        self,
        *,
        objects: Objects,
        ingestions: Ingestions,
        indexer: Indexer,
        bulk: Queue,
        maintenance: Queue,
        announcer: Announcer,
        checkpoint: int,
        watch_seconds: float,
    ) -> None:
        """Passages of more than `checkpoint` chunks are kept, for an invocation that follows.

        A first look is taken at every document's deadline `watch_seconds` after it was begun.
        """
        self._objects = objects
        self._ingestions = ingestions
        self._indexer = indexer
        self._bulk = bulk
        self._maintenance = maintenance
        self._announcer = announcer
        self._checkpoint = checkpoint
        self._watch_seconds = watch_seconds
        self._gate = asyncio.Semaphore(_SIDE_BY_SIDE)
        self._parser = asyncio.Lock()

    async def ingest(
        self, uploads: Sequence[Upload], invocation: Invocation
    ) -> list[Exception | None]:
        """Bring each object to `ready`, or to `failed` when the file itself is the cause.

        What the time does not suffice for is handed to a new message. Answers for each what
        went wrong with it, if it has to come again: Conflict, Unavailable.
        """
        if watched := documents_of(uploads):
            await self._maintenance.send_watch(watched, delay=self._watch_seconds)
        outcomes: dict[Upload, Exception | None] = {}
        # What is read at once is served before the next one, which may take all the time there is.
        for group in _groups(uploads):
            outcomes |= await self._ingest(group, invocation)
        return [outcomes[upload] for upload in uploads]

    async def _ingest(
        self, uploads: Sequence[Upload], invocation: Invocation
    ) -> dict[Upload, Exception | None]:
        prepared = await asyncio.gather(
            *(self._prepare(upload, invocation) for upload in uploads), return_exceptions=True
        )
        works = [item for item in prepared if isinstance(item, Work)]
        failed, left = await self._indexer.index(works, until=invocation.until)
        for work in left:
            await self._hand_over(work)
        for work in works:
            if work not in left:
                tell_document(work, "ready", error=failed.get(work.document))
        return {
            upload: failed.get(item.document)
            if isinstance(item, Work)
            else item
            if isinstance(item, Exception)
            else None
            for upload, item in zip(uploads, prepared, strict=True)
        }

    async def _prepare(self, upload: Upload, invocation: Invocation) -> Work | None:
        """Claim an object's version and read it; None when there is nothing to do any more."""
        work_on(upload)
        named = parse_upload_key(upload.key)
        if named is None:
            log.warning("not an upload", **content(key=upload.key))
            return None
        async with self._gate:
            refusal: str | None = None
            try:
                original = await self._objects.get(upload.key, most=MAX_BYTES)
                digest = hashlib.sha256(original.content).digest()
            except NotFound:
                log.info("the object is gone")
                return None
            except TooLarge as error:
                refusal = error.message
                original = StoredObject(content=b"", content_type=None, metadata={})
                digest = hashlib.sha256(refusal.encode()).digest()
            work = await self._claim(upload, *named, original, digest, invocation)
            if work is None:
                return None
            try:
                await self._check_newest(upload, original)
                if refusal:
                    raise Unreadable(refusal)
                work.text = await self._text(work, original, invocation)
                work.laps.mark("read")
            except Unreadable as error:
                await self._fail(work, error.message)
                return None
            except OutOfTime:
                await self._hand_over(work)
                return None
            except Exception:
                await self._indexer.release(work)
                raise
        return work

    async def _check_newest(self, upload: Upload, original: StoredObject) -> None:
        """Raises Conflict when something else was put there since, and claimed before this."""
        if upload.sequencer is not None or original.etag is None:
            return
        if await self._objects.etag(upload.key) != original.etag:
            raise Conflict("Something newer was put there.")

    async def _claim(
        self,
        upload: Upload,
        tenant: str,
        filename: str,
        original: StoredObject,
        digest: bytes,
        invocation: Invocation,
    ) -> Work | None:
        claim = await self._ingestions.claim(
            tenant,
            filename,
            sha256=digest,
            sequencer=upload.sequencer,
            metadata=original.metadata,
            lease=invocation.end - time.monotonic() + _LEASE_MARGIN,
        )
        if claim is None:
            return None
        return Work(
            upload=upload,
            tenant=tenant,
            document=document_id(tenant, filename),
            version=claim.version,
            claim=claim.id,
            filename=filename,
            done=claim.done,
            metadata=original.metadata,
        )

    async def _text(self, work: Work, original: StoredObject, invocation: Invocation) -> Text:
        """What a checkpoint kept, or the file read anew. Raises Unreadable, OutOfTime."""
        place = (work.tenant, work.document, work.version)
        if work.done or work.upload.hop:
            try:
                kept = await self._objects.get(passages_key(*place))
                return unpack(kept.content, await self._objects.get_text(*place))
            except NotFound:
                # Never read to its end, or too short for a checkpoint.
                work.done = 0
        async with self._parser:
            began = time.monotonic()
            try:
                with timed(Metric.READ_TIME):
                    text = await asyncio.to_thread(
                        read, original, filename=work.filename, until=invocation.until
                    )
            except OutOfTime:
                had, whole = time.monotonic() - began, invocation.until - invocation.began
                if work.upload.hop and had > _MOST_OF_IT * whole:
                    raise Unreadable(
                        "This file takes too long to read; split it and upload the parts."
                    ) from None
                raise
        await self._objects.put_text(*place, text.text)
        if len(text.passages) > self._checkpoint:
            await self._objects.put(
                passages_key(*place),
                pack(text),
                content_type="application/octet-stream",
                metadata={},
            )
        return text

    async def _hand_over(self, work: Work) -> None:
        """Have the next invocation go on where this one stops."""
        hop = (work.upload.hop or 0) + 1
        if hop > MAX_HOPS:
            await self._fail(
                work, "This document is too long to be read; split it and upload the parts."
            )
            return
        await self._ingestions.release(work.tenant, work.document, work.claim)
        with going_on(work.upload.trace):
            await self._bulk.send(ingest_message(work.upload, hop=hop), tenant=work.tenant)
        measure(Metric.HAND_OVERS)
        tell_document(work, "handed over")

    async def _fail(self, work: Work, cause: str) -> None:
        tell_document(work, "failed", **content(detail=cause))
        if await self._ingestions.fail(work.tenant, work.document, work.claim, cause):
            await self._announcer.failed(work.tenant, work.document, work.filename, cause)


def _groups(uploads: Sequence[Upload]) -> Iterator[Sequence[Upload]]:
    """Those known to be small together, then each of the others alone, the longest under way first.

    Behind others every time, a large one would never have time enough.
    """
    small = [u for u in uploads if u.size is not None and u.size <= SMALL_BYTES]
    if small:
        yield small
    large = [upload for upload in uploads if upload not in small]
    yield from ([upload] for upload in sorted(large, key=lambda u: u.hop or 0, reverse=True))
