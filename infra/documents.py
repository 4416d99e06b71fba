"""Where documents arrive: a bucket, and the queue its notifications wait in."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_notifications as notifications
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import StageConfig

UPLOADS = "uploads/"
MAX_RECEIVES = 5


class Documents(Construct):
    """`bucket` holds originals and texts; `queue` hears of the originals, `dead` of what failed."""

    def __init__(self, scope: Construct, id: str, *, stage: StageConfig) -> None:
        super().__init__(scope, id)
        self.dead = sqs.Queue(self, "Dead", retention_period=Duration.days(14), enforce_ssl=True)
        self.queue = sqs.Queue(
            self,
            "Queue",
            # Six function time-outs, as AWS asks of a queue that feeds a function.
            visibility_timeout=Duration.seconds(6 * stage.worker_timeout_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead, max_receive_count=MAX_RECEIVES),
            enforce_ssl=True,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            versioned=True,
            # What is deleted or replaced is kept a while against accidents, and no longer.
            lifecycle_rules=[s3.LifecycleRule(noncurrent_version_expiration=Duration.days(30))],
            removal_policy=RemovalPolicy.RETAIN if stage.keep_documents else RemovalPolicy.DESTROY,
        )
        self.bucket.add_event_notification(
            s3.EventType.OBJECT_CREATED,
            notifications.SqsDestination(self.queue),
            s3.NotificationKeyFilter(prefix=UPLOADS),
        )
