import pytest
from aws_cdk import App
from aws_cdk.assertions import Match, Template

from infra.config import STAGES
from infra.stack import QuireStack


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.from_stack(QuireStack(App(), "quire-test", stage=STAGES["dev"]))


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


def test_the_queue_outwaits_the_worker_and_keeps_what_fails(template: Template) -> None:
    template.has_resource_properties(
        "AWS::SQS::Queue",
        {
            "VisibilityTimeout": 6 * STAGES["dev"].worker_timeout_seconds,
            "RedrivePolicy": Match.object_like({"maxReceiveCount": 5}),
        },
    )
    template.has_resource_properties("AWS::SQS::Queue", {"MessageRetentionPeriod": 14 * 24 * 3600})


def test_only_originals_are_announced(template: Template) -> None:
    rule = {"Name": "prefix", "Value": "uploads/"}
    template.has_resource_properties(
        "Custom::S3BucketNotifications",
        {
            "NotificationConfiguration": {
                "QueueConfigurations": [
                    Match.object_like({"Filter": {"Key": {"FilterRules": [rule]}}})
                ]
            }
        },
    )


@pytest.mark.parametrize(("stage", "policy"), [("dev", "Delete"), ("prod", "Retain")])
def test_production_keeps_its_documents(stage: str, policy: str) -> None:
    stack = QuireStack(App(), "quire-test", stage=STAGES[stage])
    Template.from_stack(stack).has_resource("AWS::S3::Bucket", {"DeletionPolicy": policy})
