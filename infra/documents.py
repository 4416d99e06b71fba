"""Where documents arrive: a bucket, the queues the work waits in, and one place for the dead."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_notifications as notifications
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import StageConfig

UPLOADS = "uploads/"
EXPORTS = "exports/"
MAX_RECEIVES = 5
KEPT = Duration.days(14)


class Documents(Construct):
    """`bucket` holds originals and texts.

    `documents` hears of originals that came and went. `bulk` takes what a tenant sends beyond its
    share: with the tenant as MessageGroupId, SQS is fair among tenants. `maintenance` holds jobs
    and deadlines. What fails in any of them ends in `dead`.
    """

    def __init__(self, scope: Construct, id: str, *, stage: StageConfig) -> None:
        super().__init__(scope, id)
        self.dead = sqs.Queue(self, "Dead", retention_period=KEPT, enforce_ssl=True)
        self.documents = self._queue("Documents", stage=stage)
        self.bulk = self._queue("Bulk", stage=stage)
        self.maintenance = self._queue("Maintenance", stage=stage)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                # What is deleted or replaced is kept a while against accidents, and no longer.
                s3.LifecycleRule(noncurrent_version_expiration=Duration.days(30)),
                # Archives are to be fetched, not kept; one that was never finished holds bytes too.
                s3.LifecycleRule(
                    prefix=EXPORTS,
                    expiration=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(1),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
            ],
            removal_policy=RemovalPolicy.RETAIN if stage.keep_documents else RemovalPolicy.DESTROY,
        )
        for happened in (s3.EventType.OBJECT_CREATED, s3.EventType.OBJECT_REMOVED):
            self.bucket.add_event_notification(
                happened,
                notifications.SqsDestination(self.documents),
                s3.NotificationKeyFilter(prefix=UPLOADS),
            )

    def _queue(self, id: str, *, stage: StageConfig) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            # Six function time-outs, as AWS asks of a queue that feeds a function.
            visibility_timeout=Duration.seconds(6 * stage.worker_timeout_seconds),
            # As long as SQS keeps any: an outage over a few holidays loses nothing.
            retention_period=KEPT,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead, max_receive_count=MAX_RECEIVES),
            enforce_ssl=True,
        )
