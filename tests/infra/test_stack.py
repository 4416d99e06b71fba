import pytest
from aws_cdk import App
from aws_cdk.assertions import Match, Template

from infra.config import STAGES
from infra.stack import QuireStack


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.from_stack(QuireStack(App(), "quire-test", stage=STAGES["dev"]))


def resource(template: Template, output: str) -> str:
    """The logical id of what an output of the stack names."""
    return str(template.find_outputs(output)[output]["Value"]["Ref"])


def test_the_bucket_is_private_and_remembers(template: Template) -> None:
    template.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": Match.any_value(),
        },
    )
    template.has_resource_properties(
        "AWS::S3::BucketPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Effect": "Deny",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        )
                    ]
                )
            }
        },
    )


def test_each_queue_outwaits_the_worker_and_all_share_one_for_the_dead(
    template: Template,
) -> None:
    template.resource_count_is("AWS::SQS::Queue", 4)
    dead = resource(template, "DeadQueueUrl")
    template.resource_properties_count_is(
        "AWS::SQS::Queue",
        {
            "VisibilityTimeout": 6 * STAGES["dev"].worker_timeout_seconds,
            "RedrivePolicy": {
                "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
                "maxReceiveCount": 5,
            },
            "MessageRetentionPeriod": 14 * 24 * 3600,
        },
        3,
    )
    queues = template.find_resources("AWS::SQS::Queue")
    assert queues[dead]["Properties"] == {"MessageRetentionPeriod": 14 * 24 * 3600}


def test_the_outputs_name_the_bucket_and_every_queue(template: Template) -> None:
    names = ("DocumentsQueueUrl", "BulkQueueUrl", "MaintenanceQueueUrl", "DeadQueueUrl")
    named = {resource(template, name) for name in names}
    assert named == set(template.find_resources("AWS::SQS::Queue"))
    assert resource(template, "BucketName") in template.find_resources("AWS::S3::Bucket")


def test_only_originals_are_announced_when_they_come_and_when_they_go(template: Template) -> None:
    documents = resource(template, "DocumentsQueueUrl")
    template.has_resource_properties(
        "Custom::S3BucketNotifications",
        {
            "NotificationConfiguration": {
                "QueueConfigurations": [
                    {
                        "Events": [event],
                        "Filter": {
                            "Key": {"FilterRules": [{"Name": "prefix", "Value": "uploads/"}]}
                        },
                        "QueueArn": {"Fn::GetAtt": [documents, "Arn"]},
                    }
                    for event in ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
                ]
            }
        },
    )


@pytest.mark.parametrize(("stage", "policy"), [("dev", "Delete"), ("prod", "Retain")])
def test_production_keeps_its_documents(stage: str, policy: str) -> None:
    stack = QuireStack(App(), "quire-test", stage=STAGES[stage])
    Template.from_stack(stack).has_resource("AWS::S3::Bucket", {"DeletionPolicy": policy})
