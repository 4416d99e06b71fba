"""The functions' environment: what `quire.settings` reads. Names of secrets, and no secret."""

import json
from collections.abc import Mapping

from infra.config import ISSUERS, Jwt, StageConfig
from infra.documents import Documents
from infra.names import FIRST_KEY, MIGRATION, RUNTIME, SWITCHES
from infra.secrets import Secrets

# A first look at a document's deadline comes when its worker has certainly ended.
_AFTER_WORKER = 30


def serving(
    *, stage: StageConfig, documents: Documents, secrets: Secrets, api_url: str
) -> dict[str, str]:
    """Of all functions but `migrate`."""
    return {
        "QUIRE_RUNTIME_SECRET": secrets.name(RUNTIME),
        "QUIRE_BUCKET": documents.bucket.bucket_name,
        "QUIRE_DOCUMENTS_QUEUE_URL": documents.documents.queue_url,
        "QUIRE_BULK_QUEUE_URL": documents.bulk.queue_url,
        "QUIRE_MAINTENANCE_QUEUE_URL": documents.maintenance.queue_url,
        "QUIRE_DEAD_QUEUE_URL": documents.dead.queue_url,
        "QUIRE_SWITCHES": secrets.name(SWITCHES),
        "QUIRE_API_URL": api_url,
        "QUIRE_ORIGINS": json.dumps(stage.origins),
        "QUIRE_OPERATOR_TENANT": stage.tenant,
        "QUIRE_WATCH_SECONDS": str(stage.ingest.timeout + _AFTER_WORKER),
        **({"QUIRE_EVENT_BUS": stage.event_bus} if stage.event_bus else {}),
        **({ISSUERS: _trusted(stage.jwt, stage=stage)} if stage.jwt else {}),
        **stage.settings,
    }


def _trusted(jwt: Jwt, *, stage: StageConfig) -> str:
    """Whom the gateway lets through, the app is to know."""
    tenant = {"tenant_claim": jwt.tenant_claim} if jwt.tenant_claim else {"tenant": stage.tenant}
    scopes = {"scopes": jwt.scopes, "scope_claim": jwt.scope_claim}
    return json.dumps([{"issuer": jwt.issuer, "audience": jwt.audience, **tenant, **scopes}])


def streaming(serving: Mapping[str, str], *, stage: StageConfig) -> dict[str, str]:
    """What the adapter is told, beside: https://github.com/awslabs/aws-lambda-web-adapter"""
    return {
        **serving,
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "AWS_LWA_PORT": "8080",
        # Requests of its own, which `functions/chat` answers before the app hears of them.
        "AWS_LWA_READINESS_CHECK_PATH": "/ready",
        "AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH": "/snapshot/before",
        "AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH": "/snapshot/after",
        # Only Lambda's own client puts the layer on the path.
        "PYTHONPATH": "/opt/python",
        "QUIRE_EDGE_ONLY": json.dumps(stage.edge),
    }


def migrating(*, stage: StageConfig, secrets: Secrets) -> dict[str, str]:
    """Of `migrate` alone: the model too, as it makes the row that names the first collection."""
    return {
        "QUIRE_RUNTIME_SECRET": secrets.name(RUNTIME),
        "QUIRE_MIGRATION_SECRET": secrets.name(MIGRATION),
        "QUIRE_FIRST_KEY_SECRET": secrets.name(FIRST_KEY),
        **stage.settings,
    }
