"""What CDK deploys, on a laptop: the functions, their environment, and the routes to them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from local.gateway import Route
from local.provision import (
    BUCKET,
    MIGRATION_SECRET,
    RUNTIME_SECRET,
    SWITCHES,
    Provisioned,
    credentials,
)
from local.sandbox import Function

ROOT = Path(__file__).resolve().parent.parent
PYTHON_PATH = f"{ROOT}:{ROOT / 'layers/common/python'}"

# What takes long to load and is met in most functions. None of it starts a thread, or keeps what
# it reads in the environment while it is loaded.
LIBRARIES = ("boto3", "fastapi", "mangum", "openai", "psycopg_pool")

ROUTES = (
    Route(["POST"], "/v1/chat", "chat"),
    Route(["POST"], "/v1/chat/{proxy+}", "chat"),
    Route(["GET"], "/v1/models", "chat"),
    Route(["GET"], "/v1/models/{id}", "chat"),
    Route(["POST"], "/v1/retrieve", "chat"),
    Route(["ANY"], "/v1/messages/{proxy+}", "chat"),
    Route(["ANY"], "/v1/sessions", "chat"),
    Route(["ANY"], "/v1/sessions/{proxy+}", "chat"),
    Route(["GET"], "/v1/usage", "chat"),
    Route(["GET", "PUT"], "/v1/admin/persona", "chat"),
    Route(["POST"], "/v1/uploads", "ingest-api"),
    Route(["ANY"], "/v1/documents", "ingest-api"),
    Route(["ANY"], "/v1/documents/{proxy+}", "ingest-api"),
    Route(["GET"], "/v1/jobs/{id}", "ingest-api"),
    Route(["GET", "POST"], "/v1/admin/jobs", "ingest-api"),
    Route(["GET", "POST"], "/v1/admin/keys", "ingest-api"),
    Route(["POST", "DELETE"], "/v1/admin/keys/{proxy+}", "ingest-api"),
    Route(["GET", "POST"], "/v1/admin/users", "ingest-api"),
    Route(["DELETE"], "/v1/admin/users/{proxy+}", "ingest-api"),
    Route(["GET", "POST"], "/v1/admin/tenants", "ingest-api"),
    Route(["DELETE"], "/v1/admin/tenants/{id}", "ingest-api"),
    Route(["GET", "PUT"], "/v1/admin/tenants/{id}/limits", "ingest-api"),
    Route(["GET", "HEAD"], "/health", "health"),
    Route(["GET"], "/health/{proxy+}", "health"),
    # What no function serves is refused in the words of all other refusals.
    Route(["ANY"], "$default", "chat"),
)


def environment(
    *, aws_url: str, queues: Provisioned, settings: Mapping[str, str]
) -> dict[str, str]:
    return {
        **credentials(aws_url),
        "PYTHONPATH": PYTHON_PATH,
        "QUIRE_BUCKET": BUCKET,
        "QUIRE_DOCUMENTS_QUEUE_URL": queues.documents,
        "QUIRE_BULK_QUEUE_URL": queues.bulk,
        "QUIRE_MAINTENANCE_QUEUE_URL": queues.maintenance,
        "QUIRE_DEAD_QUEUE_URL": queues.dead,
        "QUIRE_RUNTIME_SECRET": RUNTIME_SECRET,
        "QUIRE_SWITCHES": SWITCHES,
        "QUIRE_SWITCHES_SECONDS": "1",
        # Whoever has a machine to themselves may use it up; requests are counted all the same.
        "QUIRE_LIMIT_KEY_REQUESTS": "1000000",
        "QUIRE_LIMIT_REQUESTS": "1000000",
        **settings,
    }


def functions(environment: Mapping[str, str], *, worker_seconds: int = 300) -> list[Function]:
    """`chat` ends before the gateway's 30 s; only `migrate` may read the owner's secret."""
    owner = {**environment, "QUIRE_MIGRATION_SECRET": MIGRATION_SECRET}
    deployed = [
        Function(
            name="chat",
            handler="functions.chat.handler.handler",
            environment=environment,
            timeout=29,
            concurrency=4,
        ),
        Function(
            name="ingest-api",
            handler="functions.ingest.api.handler",
            environment=environment,
            timeout=29,
        ),
        Function(
            name="ingest",
            handler="functions.ingest.handler.handler",
            environment=environment,
            timeout=worker_seconds,
            concurrency=3,  # what its two event sources together may have under way
            niceness=10,  # nobody waits for a document as they wait for an answer
        ),
        Function(
            name="maintenance",
            handler="functions.ingest.maintenance.handler",
            environment=environment,
            timeout=worker_seconds,
            concurrency=1,
            niceness=10,
        ),
        Function(
            name="health",
            handler="functions.health.handler.handler",
            environment=environment,
            timeout=10,
        ),
        Function(
            name="migrate",
            handler="functions.migrate.handler.handler",
            environment=owner,
            timeout=300,
            concurrency=1,
        ),
    ]
    # Under which logs and metrics tell them apart.
    return [
        replace(one, environment={**one.environment, "POWERTOOLS_SERVICE_NAME": one.name})
        for one in deployed
    ]
