"""Secrets by reference: the environment names them, Secrets Manager holds them."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config


def load_secret(name: str) -> dict[str, Any]:
    """The JSON object stored under `name`. Blocking: read once, at a function's entry."""
    secret: dict[str, Any] = json.loads(_connect().get_secret_value(SecretId=name)["SecretString"])
    return secret


def hand_over(name: str, secret: Mapping[str, Any]) -> None:
    """Put a JSON object under `name`, which is there already, for a person to fetch. Blocking."""
    _connect().put_secret_value(SecretId=name, SecretString=json.dumps(secret))


def _connect() -> Any:
    return boto3.client(
        "secretsmanager",
        config=Config(
            connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
        ),
    )
