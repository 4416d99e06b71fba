"""Where a worker may die: all exchanges that ingesting, tidying up and deleting consist of."""

from typing import NamedTuple

from tests.soak.wire import Moment

MOMENTS: tuple[Moment, Moment] = ("unsent", "unanswered")


class Boundary(NamedTuple):
    """An exchange to die at, and what a schedule must have for it to come about."""

    function: str
    exchange: str
    needs: str = ""


# The main road first, as a sample sees the beginning of this list only.
BOUNDARIES = (
    Boundary("ingest", "PostgreSQL commit"),
    Boundary("ingest", "Qdrant PUT points"),
    Boundary("ingest", "S3 GET original"),
    Boundary("ingest", "PostgreSQL claim"),
    Boundary("ingest", "Lambda answer"),
    Boundary("ingest", "model POST /v1/embeddings"),
    Boundary("ingest", "S3 PUT .txt"),
    Boundary("ingest", "SQS SendMessage maintenance"),
    Boundary("ingest", "PostgreSQL quota"),
    Boundary("ingest", "PostgreSQL admit"),
    Boundary("ingest", "PostgreSQL collections"),
    Boundary("ingest", "PostgreSQL cached embeddings"),
    Boundary("ingest", "S3 PUT .passages", "length"),
    Boundary("ingest", "S3 GET .passages", "resumption"),
    Boundary("ingest", "S3 GET .txt", "resumption"),
    Boundary("ingest", "PostgreSQL release", "slowness"),
    Boundary("ingest", "SQS SendMessage bulk", "slowness"),
    Boundary("ingest", "PostgreSQL announcement", "a crowd"),
    Boundary("ingest", "SQS SendMessageBatch bulk", "a crowd"),
    Boundary("ingest", "PostgreSQL failure", "illegibility"),
    Boundary("ingest", "S3 HEAD original", "removal"),
    Boundary("ingest", "PostgreSQL deletion", "removal"),
    Boundary("maintenance", "PostgreSQL quota", "versions"),
    Boundary("maintenance", "PostgreSQL standings", "versions"),
    Boundary("maintenance", "PostgreSQL collections", "versions"),
    Boundary("maintenance", "Qdrant POST points/delete", "versions"),
    Boundary("maintenance", "PostgreSQL forget", "versions"),
    Boundary("maintenance", "SQS SendMessage maintenance", "slowness"),
    Boundary("maintenance", "Lambda answer", "versions"),
    Boundary("maintenance", "PostgreSQL job", "removal"),
    Boundary("maintenance", "S3 HEAD original", "removal"),
    Boundary("maintenance", "S3 GET bucket", "removal"),
    Boundary("maintenance", "S3 DELETE .txt", "removal"),
    Boundary("maintenance", "Qdrant POST points/scroll", "removal"),
    Boundary("maintenance", "Qdrant POST points/delete", "removal"),
    Boundary("maintenance", "PostgreSQL purge", "removal"),
    Boundary("maintenance", "PostgreSQL quotes", "removal"),
    Boundary("maintenance", "PostgreSQL tombstone", "removal"),
    Boundary("maintenance", "PostgreSQL job's end", "removal"),
    Boundary("maintenance", "S3 HEAD original", "a loss"),
    Boundary("maintenance", "PostgreSQL put back", "a loss"),
    Boundary("maintenance", "SQS SendMessage documents", "a loss"),
)
# Done in one go with what is in the table, or read to see how long a queue is.
ALIKE = {
    ("ingest", "SQS SendMessage documents"),
    ("maintenance", "S3 DELETE .passages"),
    ("maintenance", "PostgreSQL deletion"),
    ("maintenance", "SQS GetQueueAttributes documents"),
    ("maintenance", "SQS GetQueueAttributes bulk"),
}
# What a new worker sets up, before it does anything of a document.
PRELIMINARIES = {
    (function, exchange)
    for function in ("ingest", "maintenance")
    for exchange in (
        "PostgreSQL connection",
        "secretsmanager GetSecretValue",
        "Qdrant PUT collection",
        "Qdrant PUT index",
    )
}
# Of a server that was too slow to answer.
TROUBLES = {
    ("ingest", "SQS ChangeMessageVisibility documents"),
    ("ingest", "SQS ChangeMessageVisibility bulk"),
    ("maintenance", "SQS ChangeMessageVisibility maintenance"),
}
