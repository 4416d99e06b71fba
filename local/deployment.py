"""What CDK deploys, on a laptop: the functions, their environment, and the routes to them."""

from collections.abc import Mapping
from pathlib import Path

from local.gateway import Route
from local.provision import BUCKET, MIGRATION_SECRET, RUNTIME_SECRET, credentials
from local.sandbox import Function

ROOT = Path(__file__).resolve().parent.parent
PYTHON_PATH = f"{ROOT}:{ROOT / 'layers/common/python'}"

ROUTES = (
    Route(["POST"], "/v1/chat", "chat"),
    Route(["POST"], "/v1/retrieve", "chat"),
    Route(["ANY"], "/v1/sessions", "chat"),
    Route(["ANY"], "/v1/sessions/{proxy+}", "chat"),
    Route(["POST"], "/v1/uploads", "ingest-api"),
    Route(["ANY"], "/v1/documents", "ingest-api"),
    Route(["ANY"], "/v1/documents/{proxy+}", "ingest-api"),
    Route(["GET"], "/v1/jobs/{id}", "ingest-api"),
    Route(["GET"], "/health", "health"),
    Route(["GET"], "/health/{proxy+}", "health"),
    # What no function serves is refused in the words of all other refusals.
    Route(["ANY"], "$default", "chat"),
)


def environment(*, aws_url: str, queue_url: str, models: Mapping[str, str]) -> dict[str, str]:
    return {
        **credentials(aws_url),
        "PYTHONPATH": PYTHON_PATH,
        "QUIRE_STAGE": "local",
        "QUIRE_BUCKET": BUCKET,
        "QUIRE_QUEUE_URL": queue_url,
        "QUIRE_RUNTIME_SECRET": RUNTIME_SECRET,
        "POWERTOOLS_SERVICE_NAME": "quire",
        **models,
    }


def functions(environment: Mapping[str, str]) -> list[Function]:
    """`chat` ends before the gateway's 30 s; only `migrate` may read the owner's secret."""
    return [
        _function("chat", "functions.chat.handler.handler", environment, 29, 4),
        _function("ingest-api", "functions.ingest.api.handler", environment, 29, 4),
        _function("ingest", "functions.ingest.handler.handler", environment, 300, 2),
        _function("sweeper", "functions.ingest.sweeper.handler", environment, 30, 1),
        _function("health", "functions.health.handler.handler", environment, 10, 2),
        _function(
            "migrate",
            "functions.migrate.handler.handler",
            {**environment, "QUIRE_MIGRATION_SECRET": MIGRATION_SECRET},
            300,
            1,
        ),
    ]


def _function(
    name: str, handler: str, environment: Mapping[str, str], timeout: float, concurrency: int
) -> Function:
    return Function(
        name=name,
        handler=handler,
        environment=environment,
        timeout=timeout,
        concurrency=concurrency,
    )
