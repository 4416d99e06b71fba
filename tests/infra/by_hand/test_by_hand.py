"""What `make destroy` begins with, and a command at a deployed stage."""

import json
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.infra.by_hand.running import at, destroying

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


@pytest.mark.usefixtures("deployed")
def test_a_stage_is_emptied_to_the_last_version() -> None:
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket="emptied", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"one", b"two"):
        s3.put_object(Bucket="emptied", Key="uploads/main/a.txt", Body=content)
    s3.delete_object(Bucket="emptied", Key="uploads/main/a.txt")

    def held() -> int:
        listed = s3.list_object_versions(Bucket="emptied")
        return len([*listed.get("Versions", []), *listed.get("DeleteMarkers", [])])

    for answer in ("n\n", ""):
        asked = destroying("dev", "echo", "destroyed", answer=answer)
        assert "Destroy quire-dev, and all of its documents?" in asked.stdout
        assert "destroyed" not in asked.stdout
        assert (asked.returncode, held()) == (1, 3)
    ended = destroying("--yes", "dev", "echo", "destroyed", "--force")
    assert ended.stdout == "emptied: empty\ndestroyed --force\n"
    assert held() == 0


def test_of_a_first_deploy_that_failed_there_is_nothing_to_be_emptied() -> None:
    """Nor does it tell of anything: a stack has its outputs once it is whole."""
    topic = {"Resources": {"Any": {"Type": "AWS::SNS::Topic"}}}
    client = boto3.client("cloudformation")
    client.create_stack(StackName="quire-staging", TemplateBody=json.dumps(topic))
    try:
        ended = destroying("staging", "echo", "destroyed", answer="y\n")
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.endswith("destroyed\n")
    finally:
        client.delete_stack(StackName="quire-staging")


def test_what_is_not_there_or_to_be_kept_is_left() -> None:
    assert destroying("staging", "echo").stdout == "There is no stack quire-staging.\n"
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "kept"}}
    client, s3 = boto3.client("cloudformation"), boto3.client("s3")
    client.create_stack(
        StackName="quire-prod", TemplateBody=json.dumps({"Resources": {"Any": bucket}})
    )
    s3.put_object(Bucket="kept", Key="uploads/main/a.txt", Body=b"text")
    ended = destroying("prod", "echo", "destroyed", answer="y\n")
    assert ended.stdout.endswith("its bucket and documents stay? [y/N]: destroyed\n")
    assert s3.list_objects_v2(Bucket="kept")["KeyCount"] == 1


@pytest.mark.usefixtures("deployed")
def test_a_command_is_told_where_a_stage_is(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QUIRE_API_KEY", raising=False)
    program = """import os, sys
print(os.environ["QUIRE_URL"], os.environ["QUIRE_STREAM_URL"], os.environ["QUIRE_API_KEY"])
sys.exit(sys.argv[1:] == ["--seconds", "9"] and 3)"""
    told = (sys.executable, "-c", program, "--seconds", "9")
    assert "set QUIRE_API_KEY" in at(*told).stderr
    vault.create_secret(Name="quire/dev/first-key", SecretString='{"api_key": "the-first"}')
    ended = at(*told)
    assert ended.stdout == "https://api.example https://stream.example/ the-first\n"
    assert ended.returncode == 3
    monkeypatch.setenv("QUIRE_API_KEY", "another")
    assert at(*told).stdout.endswith(" another\n")


def test_a_stage_that_is_not_deployed_has_no_address() -> None:
    ended = at("true")
    assert (ended.returncode, ended.stderr) == (
        1,
        "dev is not deployed: `make deploy STAGE=dev` does it.\n",
    )
