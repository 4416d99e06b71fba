"""A tenant whose first key the migration makes, as a deploy has it done."""

import asyncio
import json
import secrets
from typing import Any

import boto3
import pytest

from functions.migrate.handler import handler
from local.deployment import called
from local.provision import REGION, RUNTIME_SECRET, credentials
from local.stack import Stack


class HandingOver:
    """`tenant` is the first one of a deployment whose secrets are its own."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tenant = f"first-{secrets.token_hex(4)}"
        session = boto3.Session("local", "local", region_name=REGION)
        self._vault = session.client("secretsmanager", endpoint_url=stack.configuration.aws_url)
        migration = {"database_url": stack.owner_url, "first_tenant": self.tenant}
        self._vault.create_secret(
            Name=f"{self.tenant}/migration", SecretString=json.dumps(migration)
        )
        self._vault.create_secret(Name=f"{self.tenant}/first-key", SecretString="{}")
        variables = {
            **called(credentials(stack.configuration.aws_url), "migrate"),
            **stack.configuration.model_settings(),
            "QUIRE_RUNTIME_SECRET": RUNTIME_SECRET,
            "QUIRE_MIGRATION_SECRET": f"{self.tenant}/migration",
            "QUIRE_FIRST_KEY_SECRET": f"{self.tenant}/first-key",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        # The SDK's own session signs for the rest of the process as whoever it read first.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    async def migrate(self, request: str = "Update") -> dict[str, str]:
        return await asyncio.to_thread(handler, {"RequestType": request}, None)

    def handed_over(self) -> dict[str, Any]:
        found = self._vault.get_secret_value(SecretId=f"{self.tenant}/first-key")
        secret: dict[str, Any] = json.loads(found["SecretString"])
        return secret

    def fetch(self) -> None:
        """Whoever does so empties it."""
        self._vault.put_secret_value(SecretId=f"{self.tenant}/first-key", SecretString="{}")
