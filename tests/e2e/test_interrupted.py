"""Workers that are late, overtaken or short of time, and what they may not do then."""

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import httpx

from functions.ingest.composition import Ingestion
from functions.ingest.invocation import Invocation
from functions.ingest.messages import Upload, parse
from functions.ingest.pipeline import SMALL_BYTES
from functions.ingest.reading import read
from functions.ingest.work import Work
from quire.domain import document_id
from quire.errors import Conflict
from quire.object_keys import parse_upload_key, text_key, upload_key
from quire.store.documents import Documents
from tests.conftest import Tenant
from tests.e2e.behind import Owner, Points, waiting
from tests.e2e.conftest import found, has_status, proof

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

SOLE = "# Sole\n\nThe sole feels the ground."
# Takes far longer to read than to fetch, on any machine: a block is three bytes.
SLOW = "O\n\n" * 2_000_000


async def dropped(
    parts: Ingestion, tenant: Tenant, content: str, *, name: str = "sole.md", hop: int | None = None
) -> Upload:
    key = upload_key(tenant.id, name)
    encoded = content.encode()
    await parts.objects.put(key, encoded, content_type="text/plain", metadata={})
    return Upload(key=key, size=len(encoded), hop=hop)


def lasting(seconds: float, *, gone: float = 0) -> Invocation:
    """An invocation of which so many seconds are gone."""
    began = time.monotonic() - gone
    return Invocation(began=began, until=began + seconds, end=began + 1.1 * seconds)


def id_of(upload: Upload) -> UUID:
    named = parse_upload_key(upload.key)
    assert named
    return document_id(*named)


async def handed_over(parts: Ingestion) -> list[Upload]:
    letters = await parts.bulk.receive()
    return [upload for letter in letters for upload in parse(letter["Body"]).uploads]


async def as_claimed(parts: Ingestion, tenant: Tenant, upload: Upload, *, version: int) -> Work:
    """A document of that version as its worker has read it."""
    original = await parts.objects.get(upload.key)
    return Work(
        upload=upload,
        tenant=tenant.id,
        document=id_of(upload),
        version=version,
        claim=uuid4(),
        filename="sole.md",
        done=0,
        text=read(original, filename="sole.md", until=time.monotonic() + 10),
    )


async def test_who_comes_late_takes_back_nothing_that_is_served(
    client: httpx.AsyncClient, parts: Ingestion, tenant: Tenant, points: Points
) -> None:
    """Another worker finished that very version, and a newer one is announced."""
    upload = await dropped(parts, tenant, SOLE)
    assert await parts.pipeline.ingest([upload], lasting(30)) == [None]
    document = id_of(upload)
    await Documents(parts.ingestions._database).reingest(tenant.id, document)
    late = await as_claimed(parts, tenant, upload, version=1)
    failed, left = await parts.pipeline._indexer.index([late], until=time.monotonic() + 10)
    assert (type(failed[document]), left) == (Conflict, [])
    assert await points.count() == 1
    assert (await proof(client, str(document)))["holds"]
    assert len(await found(client, "What does the sole feel?")) == 1


async def test_a_claim_outlasts_its_worker(parts: Ingestion, tenant: Tenant, owner: Owner) -> None:
    """Not only the time it takes on new work in."""
    upload = await dropped(parts, tenant, SOLE)
    invocation = Invocation(began=0, until=time.monotonic(), end=time.monotonic() + 60)
    claimed = await parts.pipeline._claim(
        upload, tenant.id, "sole.md", await parts.objects.get(upload.key), b"0" * 32, invocation
    )
    assert claimed
    rows = await owner.execute(
        """select extract(epoch from lease_until - now())::float8 from versions
           where tenant_id = %s""",
        [tenant.id],
    )
    ((seconds,),) = await rows.fetchall()
    assert 60 < float(str(seconds)) <= 70


async def test_whose_time_its_neighbours_took_is_handed_over(
    client: httpx.AsyncClient, parts: Ingestion, tenant: Tenant
) -> None:
    """However often: that it comes again does not tell that it ever had time."""
    upload = await dropped(parts, tenant, SLOW, name="slow.txt", hop=7)
    assert await parts.pipeline.ingest([upload], lasting(3, gone=2.9)) == [None]
    assert await has_status(client, str(id_of(upload)), "extracting")
    (again,) = await handed_over(parts)
    assert (again.key, again.hop) == (upload.key, 8)


async def test_what_takes_a_whole_invocation_and_more_is_given_up(
    client: httpx.AsyncClient, parts: Ingestion, tenant: Tenant
) -> None:
    """Not at its first attempt: that one came after smaller files."""
    again = await dropped(parts, tenant, SLOW, name="slow.txt")
    document = str(id_of(again))
    assert await parts.pipeline.ingest([again], lasting(1)) == [None]
    assert await has_status(client, document, "extracting")
    # On a busy machine it takes a longer one for the fetching to be next to nothing of it.
    for seconds in (1, 2, 4):
        (again,) = await handed_over(parts)
        assert await parts.pipeline.ingest([again], lasting(seconds)) == [None]
        if await has_status(client, document, "failed"):
            break
    assert await has_status(client, document, "failed")
    assert await handed_over(parts) == []


async def test_what_was_read_is_not_read_again(
    client: httpx.AsyncClient, parts: Ingestion, tenant: Tenant, points: Points
) -> None:
    """Though none of it was indexed."""
    upload = await dropped(parts, tenant, "\n\n".join(f"# {n}\n\n{SOLE * 40}" for n in range(9)))
    read_only = Invocation(began=0, until=time.monotonic() + 30, end=time.monotonic() + 33)
    work = await parts.pipeline._prepare(upload, read_only)
    assert work
    await parts.pipeline._hand_over(work)
    (again,) = await handed_over(parts)
    await parts.objects.put(
        text_key(tenant.id, work.document, 1),
        work.text.text.replace("sole", "heel").encode(),
        content_type="text/plain",
        metadata={},
    )
    resumed = await parts.pipeline._prepare(again, lasting(30))
    assert resumed
    assert "heel" in resumed.text.passages[0].text


async def test_who_was_handed_over_goes_first(
    parts: Ingestion, tenant: Tenant, owner: Owner
) -> None:
    blank = "\n" * (SMALL_BYTES + 1)
    uploads = [await dropped(parts, tenant, blank, name=f"{n}.md", hop=n) for n in (0, 2, 1)]
    assert await parts.pipeline.ingest(uploads, lasting(60)) == [None, None, None]
    rows = await owner.execute(
        "select filename from documents where tenant_id = %s order by updated_at", [tenant.id]
    )
    assert await rows.fetchall() == [("2.md",), ("1.md",), ("0.md",)]


async def test_two_indexes_of_one_model_are_paid_for_once(
    parts: Ingestion, tenant: Tenant, owner: Owner, points: Points
) -> None:
    """As while one is being rebuilt."""
    spent = []
    upload = await dropped(parts, tenant, SOLE)
    assert await parts.pipeline.ingest([upload], lasting(30)) == [None]
    spent.append(await tokens_of(owner, tenant))
    name = f"beside-{tenant.id}"
    await owner.execute(
        """insert into collections (name, model, dimensions, building)
           select %s, model, dimensions, true from collections where live""",
        [name],
    )
    try:
        upload = await dropped(parts, tenant, SOLE.replace("S", "s"))
        assert await parts.pipeline.ingest([upload], lasting(30)) == [None]
        assert await points.count(name) == 1
        spent.append(await tokens_of(owner, tenant))
        assert spent[1] == 2 * spent[0] > 0
    finally:
        await owner.execute("delete from collections where building")
        await points.qdrant.delete_collection(name)


async def tokens_of(owner: Owner, tenant: Tenant) -> int:
    rows = await owner.execute(
        "select embedding_tokens::int from usage where tenant_id = %s", [tenant.id]
    )
    ((tokens,),) = await rows.fetchall()
    return int(str(tokens))


async def test_who_is_slow_is_not_looked_at_all_the_time(
    parts: Ingestion, tenant: Tenant, owner: Owner, sqs: "SQSClient"
) -> None:
    """Though what is left of former versions could long be gone."""
    for content in (SOLE, SOLE + " Both do."):
        upload = await dropped(parts, tenant, content)
        assert await parts.pipeline.ingest([upload], lasting(30)) == [None]
    await owner.execute(
        """update versions set lease_until = now() + interval '1 minute',
               retired_at = retired_at - interval '1 hour' where tenant_id = %s""",
        [tenant.id],
    )
    sqs.purge_queue(QueueUrl=parts.maintenance._url)
    await parts.deadlines.look({tenant.id: [id_of(upload)]}, until=time.monotonic() + 30)
    await asyncio.sleep(1.5)
    assert waiting(sqs, parts.maintenance) == 1
