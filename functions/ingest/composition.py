"""The ingestion functions' composition root: settings → clients → what the two handlers run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from functions.ingest.announcing import Announcer
from functions.ingest.deadlines import Deadlines
from functions.ingest.deletion import Deletion
from functions.ingest.embedding import CachedEmbedder
from functions.ingest.erasing import Erasing
from functions.ingest.exporting import Exporting
from functions.ingest.indexing import Indexer
from functions.ingest.jobs import JobRunner
from functions.ingest.pipeline import Pipeline
from functions.ingest.proving import Prover
from functions.ingest.rebuilding import Rebuild
from functions.ingest.reconciliation import Reconciliation
from functions.ingest.redriving import Redrive
from quire.archives import Archives
from quire.events import Events
from quire.models.embedder import Embedder, connect_models
from quire.objects import Objects
from quire.observability import tell_content
from quire.queue import Queue
from quire.retrieval.index import Index
from quire.settings import Settings
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.embeddings import Embeddings
from quire.store.erasure import Erasure
from quire.store.exports import Exports
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from quire.store.limits import RateLimits
from quire.store.standings import Standings
from quire.store.usage import UsageCounts
from quire.switches import Switchboard

# One attempt at an embedding request, of which a slow one on a laptop's CPU takes a while.
_EMBEDDING_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingestion:
    """What both handlers share: clients, and the work they are for."""

    objects: Objects
    documents_queue: Queue
    bulk: Queue
    maintenance: Queue
    dead: Queue
    ingestions: Ingestions
    standings: Standings
    announcer: Announcer
    job_rows: Jobs
    pipeline: Pipeline
    deadlines: Deadlines
    jobs: JobRunner
    switches: Switchboard
    limits: RateLimits
    watch_seconds: float

    async def watch(self, documents: Mapping[str, Sequence[UUID]]) -> None:
        """Have each tenant's documents' deadlines looked at for the first time."""
        await self.maintenance.send_watch(documents, delay=self.watch_seconds)


def compose() -> Ingestion:
    settings, secret = Settings.load()
    tell_content(settings.log_content)
    database = Database(secret.database_url, connections=settings.database_connections)
    objects, ingestions = Objects(settings.bucket), Ingestions(database)
    standings = Standings(database)
    documents, collections, job_rows = Documents(database), Collections(database), Jobs(database)
    index = Index(secret.told.qdrant_url, api_key=secret.qdrant_key)
    documents_queue, bulk = Queue(settings.documents_queue_url), Queue(settings.bulk_queue_url)
    maintenance, dead = Queue(settings.maintenance_queue_url), Queue(settings.dead_queue_url)
    openai, fallback = connect_models(**secret.models, timeout=_EMBEDDING_SECONDS)
    embedder = CachedEmbedder(
        Embedder(openai, timeout=_EMBEDDING_SECONDS, fallback=fallback),
        Embeddings(database),
        inputs=min(settings.embedding_inputs, settings.checkpoint_chunks),
    )
    announcer = Announcer(Events(settings.event_bus) if settings.event_bus else None)
    indexer = Indexer(
        ingestions=ingestions,
        standings=standings,
        collections=collections,
        embedder=embedder,
        index=index,
        announcer=announcer,
        prices=settings.prices,
        checkpoint=settings.checkpoint_chunks,
    )
    prover = Prover(documents=documents, collections=collections, index=index)
    return Ingestion(
        watch_seconds=settings.watch_seconds,
        switches=Switchboard(settings.switches, seconds=settings.switches_seconds),
        limits=RateLimits(database, settings.limits),
        objects=objects,
        documents_queue=documents_queue,
        bulk=bulk,
        maintenance=maintenance,
        dead=dead,
        ingestions=ingestions,
        standings=standings,
        announcer=announcer,
        job_rows=job_rows,
        pipeline=Pipeline(
            objects=objects,
            ingestions=ingestions,
            indexer=indexer,
            bulk=bulk,
            maintenance=maintenance,
            announcer=announcer,
            checkpoint=settings.checkpoint_chunks,
            watch_seconds=settings.watch_seconds,
        ),
        deadlines=Deadlines(
            objects=objects,
            ingestions=ingestions,
            standings=standings,
            jobs=job_rows,
            collections=collections,
            index=index,
            documents_queue=documents_queue,
            bulk=bulk,
            maintenance=maintenance,
            announcer=announcer,
            retire_seconds=settings.retire_seconds,
            idle_seconds=settings.idle_seconds,
        ),
        jobs=JobRunner(
            job_rows,
            maintenance,
            {
                "delete": Deletion(
                    objects=objects,
                    documents=documents,
                    standings=standings,
                    collections=collections,
                    index=index,
                    jobs=job_rows,
                    queue=documents_queue,
                ),
                "reconcile": Reconciliation(
                    objects=objects,
                    documents=documents,
                    standings=standings,
                    collections=collections,
                    index=index,
                    prover=prover,
                    documents_queue=documents_queue,
                    bulk=bulk,
                    maintenance=maintenance,
                ),
                "rebuild": Rebuild(
                    objects=objects,
                    documents=documents,
                    collections=collections,
                    embedder=embedder,
                    index=index,
                    prover=prover,
                    usage=UsageCounts(database),
                    prices=settings.prices,
                    checkpoint=settings.checkpoint_chunks,
                    retire_seconds=settings.retire_seconds,
                ),
                "export": Exporting(
                    exports=Exports(database),
                    objects=objects,
                    archives=Archives(settings.bucket),
                ),
                "erase": Erasing(
                    erasure=Erasure(database),
                    objects=objects,
                    collections=collections,
                    index=index,
                    remember=settings.remember_seconds,
                ),
                "redrive": Redrive(
                    dead=dead,
                    documents_queue=documents_queue,
                    maintenance=maintenance,
                    documents=documents,
                    jobs=job_rows,
                ),
            },
        ),
    )
