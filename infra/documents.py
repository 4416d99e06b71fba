"""Where documents arrive: a bucket, the queues the work waits in, and one place for the dead."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from deployed.rights import OBJECTS
from infra.config import StageConfig
from infra.function import Function
from infra.nag import acknowledge, acknowledge_wildcard

UPLOADS, _, EXPORTS = OBJECTS
MAX_RECEIVES = 5
KEPT = Duration.days(14)


class Documents(Construct):
    """`bucket` holds originals and texts.

    `documents` hears of originals that came and went. `bulk` takes what a tenant sends beyond its
    share: with the tenant as MessageGroupId, SQS is fair among tenants. `maintenance` holds jobs
    and deadlines. What fails in any of them ends in `dead`, and can be had back from there.
    """

    def __init__(self, scope: Construct, id: str, *, stage: StageConfig) -> None:
        super().__init__(scope, id)
        self.dead = sqs.Queue(
            self,
            "Dead",
            retention_period=KEPT,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            redrive_allow_policy=sqs.RedriveAllowPolicy(
                redrive_permission=sqs.RedrivePermission.ALLOW_ALL
            ),
        )
        self.documents = self._queue("Documents", worker_seconds=stage.ingest.timeout)
        self.bulk = self._queue("Bulk", worker_seconds=stage.ingest.timeout)
        self.maintenance = self._queue("Maintenance", worker_seconds=stage.maintenance.timeout)
        self.bucket = self._bucket(stage)
        self._announce(self.bucket)

    def let(self, function: Function, actions: Sequence[str], *, below: Sequence[str]) -> None:
        """Let it do that to objects whose keys begin with one of these."""
        for prefix in below:
            function.may(*actions, on=self.bucket.arn_for_objects(f"{prefix}*"))
            acknowledge_wildcard(
                function,
                self.bucket,
                f"/{prefix}*",
                reason="Objects can only be named by what their keys begin with.",
            )

    def _queue(self, id: str, *, worker_seconds: int) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            # Six function time-outs, as AWS asks of a queue that feeds a function.
            visibility_timeout=Duration.seconds(6 * worker_seconds),
            # As long as SQS keeps any: an outage over a few holidays loses nothing.
            retention_period=KEPT,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead, max_receive_count=MAX_RECEIVES),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )

    def _bucket(self, stage: StageConfig) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            # The API's own are the app's; a page sends files by a form right to here.
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.POST, s3.HttpMethods.GET],
                    allowed_origins=list(stage.origins),
                    allowed_headers=["*"],
                )
            ]
            if stage.origins
            else None,
            lifecycle_rules=[
                # What is deleted or replaced is kept a while against accidents, and no longer.
                s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(30),
                    expired_object_delete_marker=True,
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
                # Archives are to be fetched, not kept.
                s3.LifecycleRule(
                    prefix=EXPORTS,
                    expiration=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(1),
                ),
            ],
            # A first deploy that is rolled back leaves none: nobody put anything into it.
            removal_policy=(
                RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
                if stage.keep_documents
                else RemovalPolicy.DESTROY
            ),
        )
        acknowledge(
            bucket,
            "AwsSolutions-S1",
            reason="Only the functions reach it, and they log whose request or file they saw to.",
        )
        return bucket

    def _announce(self, bucket: s3.Bucket) -> None:
        """By CloudFormation's own property. CDK's would bring along a function that may configure
        every bucket of the account, and whose log outlives the stack.
        """
        allowed = self.documents.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.documents.queue_arn],
                # The bucket itself cannot be named: it is made after this, or S3 refuses it.
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        below = s3.CfnBucket.NotificationFilterProperty(
            s3_key=s3.CfnBucket.S3KeyFilterProperty(
                rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=UPLOADS)]
            )
        )
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(
                    event=event, queue=self.documents.queue_arn, filter=below
                )
                for event in ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
            ]
        )
        assert allowed.policy_dependable is not None
        resource.node.add_dependency(allowed.policy_dependable)
