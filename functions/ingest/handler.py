"""SQS → pipeline. A message that fails comes back by itself; its neighbours do not."""

import asyncio
import json
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType
from aws_lambda_powertools.utilities.batch import async_process_partial_response as respond
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest.deletion import Deletion
from functions.ingest.pipeline import Pipeline, Upload
from quire import models
from quire.models.embedder import Embedder
from quire.objects import Objects
from quire.retrieval.index import Index
from quire.settings import Settings
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.jobs import Jobs

# Documents of one batch worked on side by side: more would only compete for one CPU.
SIDE_BY_SIDE = 2
EMBEDDING_SECONDS = 60.0
# A worker shows a sign of life with every batch it embeds, which the SDK may try twice; one that
# has not for this long is dead.
LEASE_SECONDS = 150.0


class Handler:
    def __init__(self) -> None:
        settings, secret = Settings.load()
        database = Database(
            secret.database_url.get_secret_value(), connections=settings.database_connections
        )
        objects, documents = Objects(settings.bucket), Documents(database)
        collections = Collections(database)
        index = Index(secret.qdrant_url, api_key=secret.qdrant_key)
        openai = models.connect(
            base_url=secret.openai_base_url,
            api_key=secret.openai_api_key.get_secret_value(),
            timeout=EMBEDDING_SECONDS,
        )
        self._pipeline = Pipeline(
            objects=objects,
            documents=documents,
            collections=collections,
            embedder=Embedder(openai, timeout=EMBEDDING_SECONDS),
            index=index,
            prices=settings.prices,
            lease=LEASE_SECONDS,
        )
        self._deletion = Deletion(
            objects=objects,
            documents=documents,
            collections=collections,
            index=index,
            jobs=Jobs(database),
        )
        # The processor gathers a whole batch without a bound, so the bound is here.
        self._gate = asyncio.Semaphore(SIDE_BY_SIDE)
        self._processor = AsyncBatchProcessor(
            event_type=EventType.SQS, raise_on_entire_batch_failure=False
        )

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> Any:
        return respond(event, self._work, self._processor, context)

    async def _work(self, record: Any) -> None:
        async with self._gate:
            message = json.loads(record.body)
            if job := message.get("job"):
                await self._deletion.run(job["tenant"], UUID(job["id"]))
            for upload in uploads(message):
                await self._pipeline.ingest(upload)


def uploads(message: dict[str, Any]) -> list[Upload]:
    """The objects an S3 notification says were created; none for S3's own test event."""
    return [
        Upload(
            key=unquote_plus(record["s3"]["object"]["key"]),
            sequencer=record["s3"]["object"].get("sequencer"),
        )
        for record in message.get("Records", ())
        if record["eventName"].startswith("ObjectCreated:")
    ]


handler = Handler()
