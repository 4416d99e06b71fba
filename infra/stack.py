"""One stage of Quire. So far: where documents arrive. The functions follow."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.config import StageConfig
from infra.documents import Documents


class QuireStack(Stack):
    def __init__(self, scope: Construct, id: str, *, stage: StageConfig) -> None:
        super().__init__(scope, id)
        documents = Documents(self, "Documents", stage=stage)
        CfnOutput(self, "BucketName", value=documents.bucket.bucket_name)
        CfnOutput(self, "DocumentsQueueUrl", value=documents.documents.queue_url)
        CfnOutput(self, "BulkQueueUrl", value=documents.bulk.queue_url)
        CfnOutput(self, "MaintenanceQueueUrl", value=documents.maintenance.queue_url)
        CfnOutput(self, "DeadQueueUrl", value=documents.dead.queue_url)
