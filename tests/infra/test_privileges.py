"""Least privilege: every statement of every role names its resource, and no more of them."""

import re
from collections.abc import Iterator, Mapping

import pytest

from deployed.handlers import HANDLERS, STREAM_HANDLER
from tests.infra.stages import ALL
from tests.infra.template import Template, flat, listed

STAGES = pytest.mark.parametrize("stage", [stage.name for stage in ALL])
# Keys below a prefix; a secret, whose name Secrets Manager ends with six characters; the versions
# of the one function that migrates. A log's ARN says in itself that its streams are meant.
BOUNDED = re.compile(
    r"<Documents\w+\.Arn>/(uploads|texts|exports)/\*|.*:secret:quire/\w+/[\w-]+-\?{6}"
    r"|<FunctionsMigrate\w+\.Arn>:\*"
)

# X-Ray knows no resources, and CDK lets what is traced do this.
SPANS = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]


def granted(template: Template, handler: str) -> set[tuple[str, str]]:
    """(action, resource), secrets by their last name and all else by what it is called in ids."""
    return {
        (action, name(template, flat(resource)))
        for statement in template.statements(handler)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if not action.startswith("logs:")
    }


def name(template: Template, arn: str) -> str:
    if secret := re.search(r":secret:quire/\w+/([\w-]+)-\?", arn):
        return secret[1]
    for output in ("Documents", "Bulk", "Maintenance", "Dead"):
        if arn == f"<{template.output(f'{output}QueueUrl')['Ref']}.Arn>":
            return output.lower()
    return arn.replace(f"<{template.output('BucketName')['Ref']}.Arn>", "bucket")


def actions(grants: set[tuple[str, str]], service: str) -> set[tuple[str, str]]:
    return {(action.split(":")[1], on) for action, on in grants if action.startswith(service)}


@STAGES
def test_every_statement_names_its_resource(templates: Mapping[str, Template], stage: str) -> None:
    for policy in templates[stage].properties("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in listed(statement["Action"]):
                assert "*" not in action
            if statement["Action"] == SPANS:
                continue
            for resource in map(flat, listed(statement["Resource"])):
                assert not re.search(r"[*?]", resource) or BOUNDED.fullmatch(resource), resource


@STAGES
def test_no_role_has_more_than_its_own_policy(
    templates: Mapping[str, Template], stage: str
) -> None:
    for role in templates[stage].properties("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role
        assert "RoleName" not in role


@STAGES
def test_the_owners_secret_is_migrates_alone(templates: Mapping[str, Template], stage: str) -> None:
    template = templates[stage]
    readers = {
        handler
        for handler in template.functions()
        if ("secretsmanager:GetSecretValue", "migration") in granted(template, handler)
    }
    assert readers == {HANDLERS["migrate"]}
    # Nor does anybody else in the stack.
    assert sum("/migration-??????" in flat(r) for r in _resources(template)) == 1


def _resources(template: Template) -> Iterator[object]:
    for policy in template.properties("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            yield from listed(statement["Resource"])


def test_what_is_traced_tells_xray(templates: Mapping[str, Template]) -> None:
    for stage, template in templates.items():
        modes = {
            function.get("TracingConfig", {}).get("Mode")
            for _, function in template.functions().values()
        }
        policies = template.properties("AWS::IAM::Policy")
        telling = [p for p in policies if "PutTraceSegments" in str(p["PolicyDocument"])]
        if stage == "edge":
            assert modes == {"Active"}
            assert len(telling) == len(template.functions())
        else:
            assert modes == {None}
            assert not telling


def test_asking_takes_two_secrets_and_nothing_else(dev: Template) -> None:
    for handler in (HANDLERS["chat"], STREAM_HANDLER):
        assert granted(dev, handler) == {
            ("secretsmanager:GetSecretValue", "runtime"),
            ("secretsmanager:GetSecretValue", "switches"),
        }


def test_migrating_reads_two_secrets_and_hands_over_the_first_key(dev: Template) -> None:
    assert granted(dev, HANDLERS["migrate"]) == {
        ("secretsmanager:GetSecretValue", "runtime"),
        ("secretsmanager:GetSecretValue", "migration"),
        ("secretsmanager:PutSecretValue", "first-key"),
    }


def test_health_looks_at_a_queue(dev: Template) -> None:
    assert actions(granted(dev, HANDLERS["health"]), "sqs") == {("GetQueueAttributes", "documents")}


def test_who_may_do_what_to_files(dev: Template) -> None:
    assert actions(granted(dev, HANDLERS["ingest-api"]), "s3") == {
        ("GetObject", "bucket/uploads/*"),
        ("GetObject", "bucket/texts/*"),
        ("GetObject", "bucket/exports/*"),
        ("PutObject", "bucket/uploads/*"),
        ("ListBucket", "bucket"),
    }
    assert actions(granted(dev, HANDLERS["ingest"]), "s3") == {
        ("GetObject", "bucket/uploads/*"),
        ("GetObject", "bucket/texts/*"),
        ("PutObject", "bucket/texts/*"),
        ("ListBucket", "bucket"),
    }
    deleted = {
        (action, f"bucket/{prefix}/*")
        for action in ("GetObject", "DeleteObject", "DeleteObjectVersion")
        for prefix in ("uploads", "texts", "exports")
    }
    assert actions(granted(dev, HANDLERS["maintenance"]), "s3") == deleted | {
        ("PutObject", "bucket/exports/*"),
        ("AbortMultipartUpload", "bucket/exports/*"),
        ("ListBucket", "bucket"),
        ("ListBucketVersions", "bucket"),
    }


def test_who_may_do_what_to_queues(dev: Template) -> None:
    def on(handler: str, action: str) -> set[str]:
        granted_here = actions(granted(dev, HANDLERS[handler]), "sqs")
        return {queue for what, queue in granted_here if what == action}

    everywhere = {"documents", "bulk", "maintenance", "dead"}
    assert on("ingest-api", "SendMessage") == {"documents", "maintenance"}
    assert on("ingest-api", "ReceiveMessage") == set()
    assert on("ingest", "SendMessage") == everywhere
    # How long they are, deadlines ask.
    assert on("maintenance", "GetQueueAttributes") == everywhere
    assert on("ingest", "ReceiveMessage") == {"documents", "bulk"}
    assert on("ingest", "ChangeMessageVisibility") == {"documents", "bulk"}
    assert on("maintenance", "SendMessage") == everywhere
    assert on("maintenance", "ReceiveMessage") == {"maintenance", "dead"}
    assert on("maintenance", "DeleteMessage") == {"maintenance", "dead"}


def test_only_workers_announce_and_only_where_there_is_a_bus(
    templates: Mapping[str, Template],
) -> None:
    for stage, announcing in (("dev", set()), ("edge", {"ingest", "maintenance"})):
        found = {
            name
            for name, handler in HANDLERS.items()
            if actions(granted(templates[stage], handler), "events")
        }
        assert found == announcing
