"""What the functions' own routes say of themselves: paths, parameters and bodies."""

import json
import os
from collections.abc import Sequence
from typing import Any

import boto3
from moto import mock_aws

_SECRET = {
    "database_url": "postgresql://nobody@localhost/none",
    "qdrant_url": "http://localhost",
    "openai_api_key": "none",
}
_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "QUIRE_BUCKET": "none",
    "QUIRE_RUNTIME_SECRET": "none",
    **{
        f"QUIRE_{queue}_QUEUE_URL": "http://localhost"
        for queue in ("DOCUMENTS", "BULK", "MAINTENANCE", "DEAD")
    },
}


@mock_aws
def described() -> Sequence[dict[str, Any]]:
    """An OpenAPI document for each function, as its composition root makes its app.

    Clients open themselves when first used, so that nothing but the secret has to be there.
    """
    os.environ.update(_ENVIRONMENT)
    vault = boto3.client("secretsmanager")
    vault.create_secret(Name=_ENVIRONMENT["QUIRE_RUNTIME_SECRET"], SecretString=json.dumps(_SECRET))
    # Imported late: they are composed when they are imported.
    from functions.chat.app import create as chat
    from functions.health.handler import app as health
    from functions.ingest.api import create as ingest

    alive = health.get_openapi_schema(title="Quire: health")
    return [
        chat().openapi(),
        ingest().openapi(),
        alive.model_dump(mode="json", by_alias=True, exclude_none=True),
    ]
