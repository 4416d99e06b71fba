"""One object, from event to served: claim → extract → chunk → embed → index → publish.

Each step may be repeated: ids are deterministic, writes are upserts, and only `publish` changes
what is served, in one transaction.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from uuid import UUID

from functions.ingest.chunking import chunk
from functions.ingest.extraction import extract
from quire.domain import Chunk, Collection, Passage, Prices, Usage, chunk_id, document_id
from quire.errors import NotFound, QuireError, TooLarge, Unreadable
from quire.models.embedder import Embedder
from quire.objects import Objects, StoredObject, parse_upload_key, text_key
from quire.observability import log
from quire.retrieval.index import Index
from quire.retrieval.lexical import weigh_document
from quire.store.collections import Collections
from quire.store.documents import Documents

MAX_BYTES = 100 * 2**20
# Texts an embedding request carries: large enough to be quick, small enough to report progress
# and to finish well within its time-out on a laptop's CPU, which embeds a few a second.
EMBED_BATCH = 32
# Titles go before every chunk that is embedded, and into every prompt.
TITLE_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What an event says of an object; `sequencer` orders events about one key."""

    key: str
    sequencer: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed version of a document, and the bytes it is made from."""

    tenant: str
    document: UUID
    version: int
    filename: str
    original: StoredObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A version's canonical text and the passages it was cut into."""

    title: str
    text: str
    passages: Sequence[Passage]


class Pipeline:
    def __init__(
        self,
        *,
        objects: Objects,
        documents: Documents,
        collections: Collections,
        embedder: Embedder,
        index: Index,
        prices: Prices,
        lease: float,
    ) -> None:
        """`lease` in seconds is how long a worker may go without a sign of life."""
        self._objects = objects
        self._documents = documents
        self._collections = collections
        self._embedder = embedder
        self._index = index
        self._prices = prices
        self._lease = lease

    async def ingest(self, upload: Upload) -> None:
        """Bring one object to `ready`, or to `failed` when the file itself is the cause.

        Raises Conflict while another worker holds it and Unavailable when a dependency fails;
        the event has to come back then.
        """
        named = parse_upload_key(upload.key)
        if named is None:
            log.warning("not an upload", key=upload.key)
            return
        tenant, filename = named
        document = document_id(tenant, filename)
        refusal: str | None = None
        try:
            original = await self._objects.get(upload.key, most=MAX_BYTES)
            digest = hashlib.sha256(original.content).digest()
        except NotFound:
            log.info("the object is gone", key=upload.key)
            return
        except TooLarge as error:
            refusal = error.message
            original = StoredObject(content=b"", content_type=None, metadata={})
            digest = hashlib.sha256(refusal.encode()).digest()
        version = await self._documents.claim(
            tenant,
            filename,
            sha256=digest,
            sequencer=upload.sequencer,
            metadata=original.metadata,
            lease=self._lease,
        )
        if version is None:
            await self._tidy(tenant, document)
            return
        work = Work(tenant, document, version, filename, original)
        try:
            if refusal:
                raise Unreadable(refusal)
            await self._ingest(work)
        except Unreadable as error:
            await self._documents.fail(tenant, document, version, error.message)
            log.info("unreadable", document=str(document), version=version)

    async def _ingest(self, work: Work) -> None:
        text = await asyncio.to_thread(_readable, work)
        await self._objects.put_text(work.tenant, work.document, work.version, text.text)
        chunks = [_chunk(work, text.title, passage) for passage in text.passages]
        collection = await self._collections.live()
        await self._index.ensure(collection)
        usage = Usage()
        for start in range(0, len(chunks), EMBED_BATCH):
            batch = chunks[start : start + EMBED_BATCH]
            await self._documents.progress(
                work.tenant,
                work.document,
                work.version,
                done=start,
                total=len(chunks),
                lease=self._lease,
            )
            indexed = [indexed_text(c) for c in batch]
            embedding = await self._embedder.embed_documents(indexed, collection)
            usage += Usage(embedding_tokens=embedding.tokens)
            terms = [weigh_document(t) for t in indexed]
            await self._index.upsert(collection, work.tenant, batch, embedding.vectors, terms)
        published = await self._documents.publish(
            work.tenant,
            work.document,
            work.version,
            title=text.title,
            sha256=hashlib.sha256(work.original.content).digest(),
            characters=len(text.text),
            chunks=chunks,
            chunk_tokens=[p.tokens for p in text.passages],
            model=collection.model,
            usage=usage,
            cost_usd=self._prices.cost(usage),
        )
        if not published:
            await self._withdraw(work, collection)
        await self._tidy(work.tenant, work.document)
        log.info("ready" if published else "overtaken", document=str(work.document))

    async def _withdraw(self, work: Work, collection: Collection) -> None:
        """A newer version or a deletion came first: take back what this one wrote.

        Unless another worker has published this very version meanwhile.
        """
        served = await self._documents.served_versions(work.tenant, [work.document])
        if served.get(work.document) != work.version:
            await self._index.delete(collection, work.tenant, work.document, only=work.version)
            await self._objects.delete(text_key(work.tenant, work.document, work.version))

    async def _tidy(self, tenant: str, document: UUID) -> None:
        """Delete the points of versions before the served one.

        Also when there is nothing else to do: a worker may have died right before this.
        """
        served = await self._documents.served_versions(tenant, [document])
        if document in served:
            collection = await self._collections.live()
            await self._index.delete(collection, tenant, document, below=served[document])


def indexed_text(chunk: Chunk) -> str:
    """What both vectors are made of: where the chunk stands, then what it says."""
    place = " › ".join(dict.fromkeys((chunk.title, *chunk.heading)))
    return f"{place}\n\n{chunk.text}"


def _readable(work: Work) -> Text:
    """As `_read`; what a parser did not foresee is the file's fault too. Raises Unreadable."""
    try:
        return _read(work)
    except QuireError:
        raise
    except Exception as error:
        log.exception("a parser failed", document=str(work.document))
        raise Unreadable("This file could not be read; save it anew and upload that.") from error


def _read(work: Work) -> Text:
    """Bytes → canonical text and passages. Raises Unreadable."""
    extraction = extract(
        work.original.content,
        filename=work.filename,
        content_type=work.original.content_type,
    )
    blocks = list(extraction.blocks)
    passages = list(chunk(blocks))
    if not passages:
        raise Unreadable("There is no text in this file.")
    title = (extraction.title or PurePosixPath(work.filename).stem)[:TITLE_LENGTH]
    return Text(title=title, text="".join(b.text for b in blocks), passages=passages)


def _chunk(work: Work, title: str, passage: Passage) -> Chunk:
    return Chunk(
        id=chunk_id(work.document, work.version, passage.ordinal),
        document=work.document,
        version=work.version,
        filename=work.filename,
        title=title,
        ordinal=passage.ordinal,
        start=passage.start,
        end=passage.end,
        text=passage.text,
        heading=tuple(title[:TITLE_LENGTH] for title in passage.heading),
        page=passage.page,
        metadata=work.original.metadata,
    )
