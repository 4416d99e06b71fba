"""The bucket, the queues, and what is heard of what comes and goes."""

from collections.abc import Mapping

import pytest

from infra.config import STAGES
from tests.infra.template import Template, flat

DAY = 24 * 3600


def id_of(template: Template, output: str) -> str:
    """The logical id of what an output of the stack names."""
    return str(template.output(output)["Ref"])


def test_the_bucket_is_private_and_remembers(dev: Template) -> None:
    bucket = dev.one("AWS::S3::Bucket")
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket["BucketEncryption"]
    denied = [
        statement["Condition"]
        for statement in dev.one("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert {"Bool": {"aws:SecureTransport": "false"}} in denied


def test_what_was_replaced_or_exported_is_not_kept_for_ever(dev: Template) -> None:
    everything, exports = dev.one("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert "Prefix" not in everything
    assert everything["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert everything["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert (exports["Prefix"], exports["ExpirationInDays"]) == ("exports/", 7)


def test_each_queue_outwaits_its_worker_and_all_share_one_for_the_dead(dev: Template) -> None:
    queues = dev.resources("AWS::SQS::Queue")
    assert len(queues) == 4
    dead = id_of(dev, "DeadQueueUrl")
    stage = STAGES["dev"]
    for name, worker in (
        ("Documents", stage.ingest),
        ("Bulk", stage.ingest),
        ("Maintenance", stage.maintenance),
    ):
        assert queues[id_of(dev, f"{name}QueueUrl")]["Properties"] == {
            "VisibilityTimeout": 6 * worker.timeout,
            "RedrivePolicy": {
                "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
                "maxReceiveCount": 5,
            },
            "MessageRetentionPeriod": 14 * DAY,
            "SqsManagedSseEnabled": True,
        }
    assert queues[dead]["Properties"] == {
        "MessageRetentionPeriod": 14 * DAY,
        "SqsManagedSseEnabled": True,
        "RedriveAllowPolicy": {"redrivePermission": "allowAll"},
    }


def test_only_originals_are_announced_when_they_come_and_when_they_go(dev: Template) -> None:
    queue = id_of(dev, "DocumentsQueueUrl")
    told = dev.one("AWS::S3::Bucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert told == [
        {
            "Event": event,
            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "uploads/"}]}},
            "Queue": {"Fn::GetAtt": [queue, "Arn"]},
        }
        for event in ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    ]


def test_only_s3_and_in_this_account_may_announce_and_may_before_the_bucket_is_made(
    dev: Template,
) -> None:
    ((policy_id, statement),) = [
        (id, statement)
        for id, policy in dev.resources("AWS::SQS::QueuePolicy").items()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert flat(statement["Resource"]) == f"<{id_of(dev, 'DocumentsQueueUrl')}.Arn>"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }
    (bucket,) = dev.resources("AWS::S3::Bucket").values()
    assert policy_id in bucket["DependsOn"]


@pytest.mark.parametrize(
    ("stage", "policies"),
    [
        ("dev", ("Delete", "Delete")),
        ("staging", ("Delete", "Delete")),
        # But for the deploy that makes it: rolled back, it would leave a bucket each time.
        ("prod", ("RetainExceptOnCreate", "Retain")),
    ],
)
def test_production_keeps_its_documents(
    templates: Mapping[str, Template], stage: str, policies: tuple[str, str]
) -> None:
    (bucket,) = templates[stage].resources("AWS::S3::Bucket").values()
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == policies


def test_pages_that_may_call_may_send_files_to_the_bucket(
    templates: Mapping[str, Template],
) -> None:
    (rule,) = templates["edge"].one("AWS::S3::Bucket")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://app.example"]
    assert "CorsConfiguration" not in templates["dev"].one("AWS::S3::Bucket")
