"""One stage of Quire: what there is, and who may do what to it."""

from pathlib import Path

from aws_cdk import Arn, ArnComponents, CfnOutput, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from deployed.rights import OBJECTS, QUEUES, RIGHTS, SECRETS
from infra import environment
from infra.alarms import Alarms
from infra.api import Api
from infra.budget import Budget
from infra.bundles import BUILD, Bundles
from infra.config import Alarm, StageConfig
from infra.dashboard import Dashboard
from infra.documents import Documents
from infra.edge import Edge
from infra.functions import Functions
from infra.measured import Seen
from infra.migration import Migration
from infra.names import stack_name
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
        self._grant(stage, secrets)
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
        if self.edge:
            # What it shows by now they have to know: a key may have been rotated.
            self.edge.node.add_dependency(*(one.entry for one in self.functions.serving))
        seen = Seen(api=self.api, documents=self.documents, functions=self.functions)
        self.dashboard = Dashboard(self, "Dashboard", stage=stage, seen=seen)
        self.alarms = Alarms(self, "Alarms", stage=stage, seen=seen)
        if Alarm.MONTH in stage.alarms:
            Budget(self, "Budget", stage=stage, topic=self.alarms.topic)
        self._tell(stage)

    def _grant(self, stage: StageConfig, secrets: Secrets) -> None:
        """To each role what `deployed.rights` says, and nothing else."""
        documents = self.documents
        arns = {
            **{secret: secrets.arn(secret) for secret in SECRETS},
            **{queue: getattr(documents, queue).queue_arn for queue in QUEUES},
            "bucket": documents.bucket.bucket_arn,
        }
        if stage.event_bus:
            bus = ArnComponents(
                service="events", resource="event-bus", resource_name=stage.event_bus
            )
            arns["bus"] = Arn.format(bus, self)
        for function in (*self.functions.serving, self.functions.migrate):
            for right in RIGHTS[function.name]:
                documents.let(function, right.actions, below=[o for o in right.on if o in OBJECTS])
                if named := [arns[one] for one in right.on if one in arns]:
                    function.may(*right.actions, on=named)

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
