"""What came with a batch of messages: read now, put in the bulk queue for later, or deleted."""

from collections.abc import Mapping, Sequence

from functions.ingest.composition import Ingestion
from functions.ingest.deletion import request_deletion
from functions.ingest.invocation import Invocation
from functions.ingest.messages import Asked, Removal, Upload, ingest_message
from functions.ingest.pipeline import MAX_HOPS
from quire.domain import document_id
from quire.errors import Conflict, NotFound
from quire.object_keys import parse_upload_key
from quire.observability import log
from quire.queue import MOST_DELAY
from quire.tracing import going_on

# Documents a tenant may have under way; with more, the others wait in the bulk queue, where they
# hold up nobody else's. One batch's worth: fewer than two workers take, so that one is left.
SHARE = 10
_CONFLICT_PAUSE = 15
_SPENT = (
    "All tokens or dollars of this day are used; this document is read when the next day (UTC) has "
    "begun, or when the limit was raised, within a quarter of an hour."
)


class Intake:
    def __init__(self, parts: Ingestion) -> None:
        self._parts = parts

    async def work(self, batch: Sequence[Asked], invocation: Invocation) -> list[Exception | None]:
        """Do what each message asks; an error for each that has to come again."""
        try:
            uploads = [upload for asked in batch for upload in asked.uploads]
            admitted = await self._admit(await self._paid_for(uploads))
            outcomes = dict(
                zip(admitted, await self._parts.pipeline.ingest(admitted, invocation), strict=True)
            )
        except Exception as error:
            return [error for _ in batch]
        errors = []
        for asked in batch:
            with going_on(asked.trace):
                errors.append(await self._outcome(asked, outcomes))
        return errors

    async def give_up(self, asked: Asked, cause: str) -> None:
        for upload in asked.uploads:
            if (named := parse_upload_key(upload.key)) is None:
                continue
            tenant, filename = named
            document = document_id(tenant, filename)
            # Of what could not even be claimed nothing is known yet, and its owner has to see it.
            await self._parts.standings.announce(tenant, [filename])
            if await self._parts.ingestions.give_up(tenant, document, cause):
                await self._parts.announcer.failed(tenant, document, filename, cause)

    async def _paid_for(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Those of tenants that may spend something today; the others' are asked for again, until
        it is the next day or they may spend more.
        """
        named: dict[str, dict[Upload, str]] = {}
        for upload in uploads:
            if parsed := parse_upload_key(upload.key):
                named.setdefault(parsed[0], {})[upload] = parsed[1]
        put_off: set[Upload] = set()
        for tenant, filenames in named.items():
            if await self._parts.limits.used_up(tenant):
                put_off |= filenames.keys()
                names = list(filenames.values())
                await self._parts.standings.announce(tenant, names, cause=_SPENT)
                await self._wait(tenant, filenames, delay=MOST_DELAY)
                log.info("documents wait for the next day's quota", tenant=tenant)
        return [upload for upload in uploads if upload not in put_off]

    async def _wait(self, tenant: str, uploads: Mapping[Upload, str], *, delay: int = 0) -> None:
        """Have documents, each with its name, come by the bulk queue; deadlines are seen to."""
        fresh = [document_id(tenant, name) for u, name in uploads.items() if u.hop is None]
        if fresh:
            await self._parts.watch({tenant: fresh})
        messages = [ingest_message(upload, hop=upload.hop or 0) for upload in uploads]
        traces = [upload.trace for upload in uploads]
        await self._parts.bulk.send_all(messages, tenant=tenant, delay=delay, traces=traces)

    async def _admit(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Those to be read now; the rest of a tenant that has its share under way has to wait."""
        fresh: dict[str, dict[str, Upload]] = {}
        admitted = []
        for upload in dict.fromkeys(uploads):
            named = parse_upload_key(upload.key)
            if upload.hop is None and named:
                newest = fresh.setdefault(named[0], {})
                # Of one object the newest event, as an older one may come too late.
                newest[named[1]] = max(newest.get(named[1], upload), upload, key=_age)
            else:
                admitted.append(upload)
        for tenant, named_uploads in fresh.items():
            names = await self._parts.standings.admit(tenant, list(named_uploads), share=SHARE)
            waiting = {u: n for n, u in named_uploads.items() if n not in names}
            if waiting:
                await self._wait(tenant, waiting)
            admitted += [named_uploads[name] for name in named_uploads if name in names]
        return admitted

    async def _outcome(
        self, asked: Asked, outcomes: dict[Upload, Exception | None]
    ) -> Exception | None:
        try:
            for removal in asked.removals:
                await self._remove(removal)
            for upload in asked.uploads:
                if error := outcomes.get(upload):
                    await self._later(upload, error)
        except Exception as error:
            return error
        return None

    async def _later(self, upload: Upload, error: Exception) -> None:
        """What another's work stands in the way of is asked for again; other errors are raised."""
        hop = (upload.hop or 0) + 1
        if not isinstance(error, Conflict) or hop > MAX_HOPS:
            raise error
        await self._parts.bulk.send(ingest_message(upload, hop=hop), delay=_CONFLICT_PAUSE)

    async def _remove(self, removal: Removal) -> None:
        """Delete the document of an object that is gone; read what is there instead."""
        named = parse_upload_key(removal.key)
        if named is None:
            return
        if await self._parts.objects.exists(removal.key):
            # Of a versioned bucket the newest may be removed: then an older one is back.
            await self._parts.documents_queue.send_ingest(removal.key)
            return
        try:
            await request_deletion(
                self._parts.job_rows,
                self._parts.maintenance,
                named[0],
                document_id(*named),
                sequencer=removal.sequencer,
                unwanted="",
            )
        except NotFound:
            return


def _age(upload: Upload) -> tuple[bool, str]:
    """In the order of S3's sequencers, hex strings padded on the right; then those without."""
    return upload.sequencer is None, (upload.sequencer or "").ljust(64, "0")
