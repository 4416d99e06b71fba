"""What CDK deploys, on a laptop: the functions and their environment."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deployed.handlers import HANDLERS
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
            handler=HANDLERS["chat"],
            environment=environment,
            timeout=29,
            concurrency=4,
        ),
        Function(
            name="ingest-api",
            handler=HANDLERS["ingest-api"],
            environment=environment,
            timeout=29,
        ),
        Function(
            name="ingest",
            handler=HANDLERS["ingest"],
            environment=environment,
            timeout=worker_seconds,
            concurrency=3,  # what its two event sources together may have under way
            niceness=10,  # nobody waits for a document as they wait for an answer
        ),
        Function(
            name="maintenance",
            handler=HANDLERS["maintenance"],
            environment=environment,
            timeout=worker_seconds,
            concurrency=1,
            niceness=10,
        ),
        Function(
            name="health",
            handler=HANDLERS["health"],
            environment=environment,
            timeout=10,
        ),
        Function(
            name="migrate",
            handler=HANDLERS["migrate"],
            environment=owner,
            timeout=300,
            concurrency=1,
        ),
    ]
    return [replace(one, environment=called(one.environment, one.name)) for one in deployed]


def called(environment: Mapping[str, str], name: str) -> dict[str, str]:
    """Under that name logs and metrics tell a function apart, and it signs what it asks of AWS."""
    return {**environment, "POWERTOOLS_SERVICE_NAME": name, "AWS_ACCESS_KEY_ID": name}
