"""An account with nothing in it but what a test puts there, and whoever works by hand."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.provision import credentials
from tests.infra.by_hand.running import GIVEN

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


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
