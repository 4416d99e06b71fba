"""By hand: `make secrets`, what `make destroy` begins with, and a command at a deployed stage."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
import typer
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner, Result

from infra.config import STAGES
from infra.destroy import destroy
from infra.provide import provide
from local.provision import credentials
from quire.kept import MigrationSecret, RuntimeSecret

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

OWNER = "postgresql://owner:owners-password@ep-x.example/quire"
POOLED = "postgresql://owner:owners-password@ep-x-pooler.example/quire?sslmode=require"
GIVEN = {
    "DATABASE_OWNER_URL": OWNER,
    "DATABASE_URL": POOLED,
    "QDRANT_URL": "https://qdrant.example",
    "OPENAI_API_KEY": "sk-told-to-nobody",
}


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _account(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**credentials(aws), **GIVEN}.items():
        monkeypatch.setenv(name, value)
    for name in ("QDRANT_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def vault() -> Iterator["SecretsManagerClient"]:
    client = boto3.client("secretsmanager")
    yield client
    for secret in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)


@pytest.fixture
def deployed() -> Iterator[None]:
    """The stack `quire-dev`, as far as its outputs."""
    outputs = {"ApiUrl": "https://api.example", "StreamUrl": "https://stream.example/"}
    template = {
        "Resources": {"Any": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "emptied"}}},
        "Outputs": {
            "BucketName": {"Value": {"Ref": "Any"}},
            **{name: {"Value": value} for name, value in outputs.items()},
        },
    }
    client = boto3.client("cloudformation")
    client.create_stack(StackName="quire-dev", TemplateBody=json.dumps(template))
    yield
    client.delete_stack(StackName="quire-dev")


def at(*command: str) -> subprocess.CompletedProcess[str]:
    """`python -m infra.at dev`, which becomes the command."""
    return subprocess.run(
        [sys.executable, "-m", "infra.at", "dev", *command],
        capture_output=True,
        text=True,
        check=False,
    )


def destroying(*arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    """`python -m infra.destroy`, told what comes in CDK's place."""
    return subprocess.run(
        [sys.executable, "-m", "infra.destroy", *arguments],
        input=answer,
        capture_output=True,
        text=True,
        check=False,
    )


def run(command: Any, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


def kept(vault: "SecretsManagerClient", name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        vault.get_secret_value(SecretId=f"quire/dev/{name}")["SecretString"]
    )
    return found


def test_secrets_are_made_as_the_functions_read_them(vault: "SecretsManagerClient") -> None:
    result = run(provide, "dev")
    assert result.exit_code == 0, result.output
    runtime = RuntimeSecret.model_validate(kept(vault, "runtime"))
    app = urlsplit(runtime.database_url.get_secret_value())
    assert (app.username, app.hostname, app.query) == (
        "quire_app",
        "ep-x-pooler.example",
        "sslmode=require",
    )
    assert app.password
    assert app.password != "owners-password"
    assert runtime.edge_key is not None
    migration = MigrationSecret.model_validate(kept(vault, "migration"))
    assert migration.database_url.get_secret_value() == OWNER
    assert migration.first_tenant == STAGES["dev"].tenant
    assert kept(vault, "switches") == kept(vault, "first-key") == {}


@pytest.mark.parametrize("named", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_is_the_one_that_cdk_deploys_to(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv(named, "eu-central-1")
    assert run(provide, "dev").exit_code == 0
    there = boto3.client("secretsmanager", region_name="eu-central-1")
    assert len(there.list_secrets()["SecretList"]) == 4
    assert run(provide, "dev", "--delete").exit_code == 0
    assert vault.list_secrets()["SecretList"] == there.list_secrets()["SecretList"] == []


def test_without_a_region_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    for ended in (at("true"), destroying("dev", "true")):
        assert (ended.returncode, ended.stderr) == (
            1,
            "No region is named; `export AWS_REGION=…` does it.\n",
        )


def test_nothing_secret_is_told(vault: "SecretsManagerClient") -> None:
    printed = run(provide, "dev").output + run(provide, "dev", "--replace").output
    secret = [value for name in ("runtime", "migration") for value in kept(vault, name).values()]
    for value in {*secret, "owners-password"} - {STAGES["dev"].tenant}:
        assert value not in printed


def test_again_it_changes_nothing_unless_it_is_to(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    run(provide, "dev")
    before = kept(vault, "runtime")
    vault.put_secret_value(SecretId="quire/dev/switches", SecretString='{"hyde": false}')
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    assert "runtime: as it was" in run(provide, "dev").output
    assert kept(vault, "runtime") == before
    assert "runtime: set (openai_api_key)" in run(provide, "dev", "--replace").output
    assert kept(vault, "runtime") == {**before, "openai_api_key": "sk-another"}
    assert kept(vault, "switches") == {"hyde": False}


def test_the_apps_password_changes_only_when_it_is_told_to(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    def app() -> tuple[str | None, ...]:
        found = urlsplit(kept(vault, "runtime")["database_url"])
        return found.username, found.hostname, found.path, found.query, found.password

    run(provide, "dev")
    *place, first = app()
    assert "runtime: set (database_url)" in run(provide, "dev", "--new-password").output
    *same, second = app()
    assert same == place
    assert second != first
    # The variables are still there, in the owner's name.
    monkeypatch.setenv("DATABASE_URL", POOLED.replace("require", "verify-full"))
    run(provide, "dev", "--replace")
    assert app() == ("quire_app", "ep-x-pooler.example", "/quire", "sslmode=verify-full", second)
    for elsewhere in (POOLED.replace("ep-x", "ep-y"), POOLED.replace("/quire?", "/other?")):
        monkeypatch.setenv("DATABASE_URL", elsewhere)
        run(provide, "dev", "--replace")
        assert app()[-1] not in (first, second)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_API_KEY", ""),
        ("DATABASE_URL", "mysql://me:hidden@x/y"),
        ("DATABASE_URL", "http://["),
    ],
)
def test_what_is_missing_or_unfit_is_named_and_nothing_made(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = run(provide, "dev")
    assert result.exit_code == 1
    assert "Nothing was changed" in result.output
    assert "hidden" not in result.output
    assert vault.list_secrets()["SecretList"] == []


def test_an_edge_key_ends_only_when_it_is_told_to(vault: "SecretsManagerClient") -> None:
    run(provide, "dev")
    before = kept(vault, "runtime")
    told = run(provide, "dev", "--edge-key", "rotate").output
    assert "runtime: set (edge_key, former_edge_key)" in told
    rotated = kept(vault, "runtime")
    assert rotated == {
        **before,
        "edge_key": rotated["edge_key"],
        "former_edge_key": before["edge_key"],
    }
    assert rotated["edge_key"] != before["edge_key"]
    # CloudFront may show any of the two.
    again = run(provide, "dev", "--edge-key", "rotate")
    assert "Nothing was changed" in again.output
    assert kept(vault, "runtime") == rotated
    assert "runtime: set (former_edge_key)" in run(provide, "dev", "--edge-key", "end").output
    assert kept(vault, "runtime") == {**before, "edge_key": rotated["edge_key"]}


def test_deleted_they_can_be_made_anew_at_once(vault: "SecretsManagerClient") -> None:
    run(provide, "dev")
    assert run(provide, "dev", "--delete").exit_code == 0
    assert vault.list_secrets()["SecretList"] == []
    assert run(provide, "dev").exit_code == 0


def test_an_unknown_stage_is_refused() -> None:
    for command in ([provide], [destroy, "true"]):
        result = run(command[0], "somewhere", *command[1:])
        assert result.exit_code == 2
        assert "dev, staging, prod" in result.output


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
