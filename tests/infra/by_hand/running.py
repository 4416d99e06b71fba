"""What is typed by hand, and what it is given."""

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import typer
from typer.testing import CliRunner, Result

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
