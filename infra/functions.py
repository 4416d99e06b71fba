"""The functions of a stage, and what each is told. What each may do, the stack says."""

from collections.abc import Mapping
from functools import partial

from constructs import Construct

from deployed.handlers import HANDLERS, STREAM_HANDLER
from infra import environment
from infra.bundles import Bundles
from infra.config import StageConfig
from infra.function import Function


class Functions(Construct):
    """`chat_stream` is chat's own bundle behind the Lambda Web Adapter."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: StageConfig,
        bundles: Bundles,
        serving: Mapping[str, str],
        migrating: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)

        make = partial(Function, self, stage=stage, bundles=bundles)
        ours = partial(make, environment=serving)
        self.chat = ours("Chat", name="chat", handler=HANDLERS["chat"], size=stage.chat, live=True)
        self.chat_stream = make(
            "ChatStream",
            name="chat-stream",
            handler=STREAM_HANDLER,
            size=stage.chat_stream,
            environment=environment.streaming(serving, stage=stage),
            live=True,
            streams=True,
        )
        self.ingest_api = ours(
            "IngestApi",
            name="ingest-api",
            handler=HANDLERS["ingest-api"],
            size=stage.ingest_api,
            live=True,
        )
        self.health = ours(
            "Health", name="health", handler=HANDLERS["health"], size=stage.health, live=True
        )
        self.ingest = ours(
            "Ingest",
            name="ingest",
            handler=HANDLERS["ingest"],
            size=stage.ingest,
            hands_over=True,
        )
        self.maintenance = ours(
            "Maintenance",
            name="maintenance",
            handler=HANDLERS["maintenance"],
            size=stage.maintenance,
            hands_over=True,
        )
        self.migrate = make(
            "Migrate",
            name="migrate",
            handler=HANDLERS["migrate"],
            size=stage.migrate,
            environment=migrating,
        )
        self.serving = (
            *(self.chat, self.chat_stream, self.ingest_api, self.health),
            *(self.ingest, self.maintenance),
        )
        self.asked = (self.chat, self.chat_stream)
        # Whoever serves by the database, which health only looks at.
        self.working = (*self.asked, self.ingest_api, self.ingest, self.maintenance)
