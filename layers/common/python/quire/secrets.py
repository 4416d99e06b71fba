"""Secrets by reference: the environment names them, Secrets Manager holds them."""

import json
from typing import Any

import boto3
from botocore.config import Config


def load_secret(name: str) -> dict[str, Any]:
    """The JSON object stored under `name`. Blocking: read once, at a function's entry."""
    client = boto3.client(
        "secretsmanager",
        config=Config(
            connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
        ),
    )
    secret: dict[str, Any] = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    return secret
