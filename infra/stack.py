"""One stage of Quire: what there is, and who may do what to it."""

from pathlib import Path

from aws_cdk import Arn, ArnComponents, CfnOutput, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import environment
from infra.alarms import Alarms
from infra.api import Api
from infra.budget import Budget
from infra.bundles import BUILD, Bundles
from infra.config import Alarm, StageConfig
from infra.dashboard import Dashboard
from infra.documents import EXPORTS, TEXTS, UPLOADS, Documents
from infra.edge import Edge
from infra.function import Function
from infra.functions import Functions
from infra.measured import Seen
from infra.migration import Migration
from infra.names import FIRST_KEY, MIGRATION, RUNTIME, SWITCHES, stack_name
from infra.secrets import Secrets
from infra.sweep import Sweep

_BATCH = 10


class QuireStack(Stack):
    """`build` is where `make layer` puts its bundles.

    `api`, `documents` and `functions` are what alarms and the dashboard look at.
    """

    def __init__(self, scope: Construct, *, stage: StageConfig, build: Path = BUILD) -> None:
        super().__init__(scope, stack_name(stage.name))
        bundles = Bundles(self, "Bundles", build=build)
        secrets = Secrets(self, "Secrets", stage=stage)
        self.documents = Documents(self, "Documents", stage=stage)
        self.api = Api(self, "Api", stage=stage)
        self.functions = Functions(
            self,
            "Functions",
            stage=stage,
            bundles=bundles,
            serving=environment.serving(
                stage=stage, documents=self.documents, secrets=secrets, api_url=self.api.url
            ),
            migrating=environment.migrating(stage=stage, secrets=secrets),
        )
        self._grant_secrets(secrets)
        self._grant_objects()
        self._grant_queues()
        if stage.event_bus:
            self._grant_events(stage.event_bus)
        self._feed(stage)
        Sweep(self, "Sweep", documents=self.documents)
        migration = Migration(
            self, "Migration", stage=stage, migrate=self.functions.migrate, bundles=bundles
        )
        for function in self.functions.serving:
            function.node.add_dependency(migration)
        self.api.lead_to(
            {
                "chat": self.functions.chat.entry,
                "ingest-api": self.functions.ingest_api.entry,
                "health": self.functions.health.entry,
            }
        )
        # Open to all as the other door is: the app asks who calls, at both.
        self.stream_url = self.functions.chat_stream.entry.add_function_url(
            auth_type=lambda_.FunctionUrlAuthType.NONE,
            invoke_mode=lambda_.InvokeMode.RESPONSE_STREAM,
        )
        self.edge = (
            Edge(self, "Edge", stage=stage, api=self.api, stream=self.stream_url)
            if stage.edge
            else None
        )
        seen = Seen(api=self.api, documents=self.documents, functions=self.functions)
        self.dashboard = Dashboard(self, "Dashboard", stage=stage, seen=seen)
        self.alarms = Alarms(self, "Alarms", stage=stage, seen=seen)
        if Alarm.MONTH in stage.alarms:
            Budget(self, "Budget", stage=stage, topic=self.alarms.topic)
        self._tell(stage)

    def _grant_secrets(self, secrets: Secrets) -> None:
        for function in self.functions.serving:
            secrets.let_read(function, RUNTIME, SWITCHES)
        secrets.let_read(self.functions.migrate, RUNTIME, MIGRATION)
        secrets.let_hand_over(self.functions.migrate, FIRST_KEY)

    def _grant_objects(self) -> None:
        """Asking needs none: what an answer quotes is in the index."""
        let, functions = self.documents.let, self.functions
        let(functions.ingest_api, "s3:GetObject", below=[UPLOADS, TEXTS, EXPORTS])
        let(functions.ingest_api, "s3:PutObject", below=[UPLOADS])
        let(functions.ingest, "s3:GetObject", below=[UPLOADS, TEXTS])
        let(functions.ingest, "s3:PutObject", below=[TEXTS])
        everywhere = [UPLOADS, TEXTS, EXPORTS]
        deletes = ("s3:DeleteObject", "s3:DeleteObjectVersion")
        let(functions.maintenance, "s3:GetObject", *deletes, below=everywhere)
        let(functions.maintenance, "s3:PutObject", "s3:AbortMultipartUpload", below=[EXPORTS])
        functions.maintenance.may("s3:ListBucketVersions", on=self.documents.bucket.bucket_arn)

    def _grant_queues(self) -> None:
        documents, functions = self.documents, self.functions
        self._let_send(functions.ingest_api, documents.documents, documents.maintenance)
        for worker in (functions.ingest, functions.maintenance):
            self._let_send(
                worker, documents.documents, documents.bulk, documents.maintenance, documents.dead
            )
        # A redrive takes them up again.
        functions.maintenance.may(
            *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            on=documents.dead.queue_arn,
        )
        functions.health.may("sqs:GetQueueAttributes", on=documents.documents.queue_arn)

    def _let_send(self, function: Function, *queues: sqs.Queue) -> None:
        function.may("sqs:SendMessage", on=[queue.queue_arn for queue in queues])

    def _grant_events(self, bus: str) -> None:
        named = ArnComponents(service="events", resource="event-bus", resource_name=bus)
        self.functions.ingest.may("events:PutEvents", on=Arn.format(named, self))
        self.functions.maintenance.may("events:PutEvents", on=Arn.format(named, self))

    def _feed(self, stage: StageConfig) -> None:
        """Messages on their own: what fails of a batch comes back alone."""
        documents, functions = self.documents, self.functions
        for function, queue, at_once, window in (
            (functions.ingest, documents.documents, stage.documents_at_once, stage.batch_seconds),
            (functions.ingest, documents.bulk, stage.bulk_at_once, stage.batch_seconds),
            (functions.maintenance, documents.maintenance, stage.maintenance_at_once, 0),
        ):
            function.function.add_event_source(
                sources.SqsEventSource(
                    queue,
                    batch_size=_BATCH,
                    max_batching_window=Duration.seconds(window),
                    max_concurrency=at_once,
                    report_batch_item_failures=True,
                )
            )

    def _tell(self, stage: StageConfig) -> None:
        outputs = {
            "ApiUrl": self.edge.url if self.edge else self.api.url,
            "StreamUrl": self.edge.url if self.edge else self.stream_url.url,
            # To be invoked by hand where a password was changed.
            "MigrateFunction": self.functions.migrate.function.function_name,
            "BucketName": self.documents.bucket.bucket_name,
            "DocumentsQueueUrl": self.documents.documents.queue_url,
            "BulkQueueUrl": self.documents.bulk.queue_url,
            "MaintenanceQueueUrl": self.documents.maintenance.queue_url,
            "DeadQueueUrl": self.documents.dead.queue_url,
            "DashboardUrl": self.dashboard.url,
            # `aws sns subscribe` for whoever is to be told by other means than `notify`.
            "AlarmTopicArn": self.alarms.topic.topic_arn,
        }
        if stage.domain and (target := (self.edge or self.api).target):
            # Until its name points there, nobody finds the stage by it.
            outputs["DomainTarget"] = target
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
