"""What CDK makes in AWS, made in moto: bucket, queues, the notification between them, secrets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.aws import restore

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

REGION = "us-east-1"
BUCKET = "quire-local"
RUNTIME_SECRET = "quire/local/runtime"
MIGRATION_SECRET = "quire/local/migration"
SWITCHES = "quire/local/switches"
# A worker's claim is a lease, so a message that comes back early is only put off again; on a
# laptop that beats waiting six function time-outs for what a killed worker left.
VISIBILITY_SECONDS = 90
MAX_RECEIVES = 5
KEPT_SECONDS = 14 * 24 * 3600
# Jobs and deadlines were messages, and moto has forgotten them: they are looked up again.
RECOVER = {"recover": True}
# Nobody waits for it, and a start has enough to do.
RECOVER_SECONDS = 15
# A poll waits for one second.
POLL_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """The URLs of the queues, and a client to reach them with."""

    documents: str
    bulk: str
    maintenance: str
    dead: str
    sqs: "SQSClient"


def credentials(aws_url: str) -> dict[str, str]:
    """The environment in which an AWS SDK finds moto and nothing else."""
    return {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def provision(
    aws_url: str,
    *,
    state: Path,
    secrets: Mapping[str, Mapping[str, Any]],
    recover_after: int = RECOVER_SECONDS,
) -> Provisioned:
    """Make everything anew, then put the kept objects back. Blocking.

    What messages were lost with the former queues is asked for again `recover_after` seconds on.
    """
    session = boto3.Session("local", "local", region_name=REGION)
    s3 = session.client("s3", endpoint_url=aws_url)
    # Whoever polls tries again by itself; the SDK's own patience would only delay the news. A poll
    # that is not answered, which moto may owe under load, holds up all that waits behind it.
    impatient = Config(
        connect_timeout=5, read_timeout=POLL_SECONDS, retries={"total_max_attempts": 1}
    )
    sqs = session.client("sqs", endpoint_url=aws_url, config=impatient)
    vault = session.client("secretsmanager", endpoint_url=aws_url)
    for name, secret in secrets.items():
        vault.create_secret(Name=name, SecretString=json.dumps(secret))
    queues = create_queues(sqs, "quire-local", visibility=VISIBILITY_SECONDS)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": _arn(sqs, queues.documents),
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "uploads/"}]}},
                }
            ]
        },
    )
    restore(s3, BUCKET, state=state)
    sqs.send_message(
        QueueUrl=queues.maintenance,
        MessageBody=json.dumps(RECOVER),
        DelaySeconds=recover_after,
    )
    return queues


def create_queues(sqs: "SQSClient", prefix: str, *, visibility: int) -> Provisioned:
    """Those that workers read, and the one where they leave what they give up; `visibility` is the
    seconds for which a message that was received is nobody else's.
    """

    def create(name: str, attributes: "Mapping[QueueAttributeNameType, str]") -> str:
        return sqs.create_queue(QueueName=f"{prefix}-{name}", Attributes=attributes)["QueueUrl"]

    dead = create("dead", {"MessageRetentionPeriod": str(KEPT_SECONDS)})
    redrive = {"deadLetterTargetArn": _arn(sqs, dead), "maxReceiveCount": MAX_RECEIVES}
    feeding: Mapping[QueueAttributeNameType, str] = {
        "VisibilityTimeout": str(visibility),
        "MessageRetentionPeriod": str(KEPT_SECONDS),
        "RedrivePolicy": json.dumps(redrive),
    }
    return Provisioned(
        documents=create("documents", feeding),
        bulk=create("bulk", feeding),
        maintenance=create("maintenance", feeding),
        dead=dead,
        sqs=sqs,
    )


def _arn(sqs: "SQSClient", url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
