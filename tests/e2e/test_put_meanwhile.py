"""What is put while its document is being deleted."""

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from functions.ingest.composition import Ingestion
from functions.ingest.deletion import delete_document
from quire.store.documents import Documents
from tests.conftest import Tenant
from tests.e2e.behind import waiting
from tests.e2e.conftest import has_status

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

from tests.e2e.test_interrupted import SOLE, dropped, id_of, lasting


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("put", ["nothing", "the same", "another"])
async def test_what_is_put_during_a_deletion_stays_and_is_read(
    client: httpx.AsyncClient,
    parts: Ingestion,
    tenant: Tenant,
    s3: "S3Client",
    sqs: "SQSClient",
    versioned: bool,
    put: str,
) -> None:
    """Even if no event tells of it any more."""
    if versioned:
        s3.put_bucket_versioning(
            Bucket=parts.objects._bucket, VersioningConfiguration={"Status": "Enabled"}
        )
    upload = await dropped(parts, tenant, SOLE)
    assert await parts.pipeline.ingest([upload], lasting(30)) == [None]
    documents = Documents(parts.ingestions._database)
    job = await delete_document(
        *(parts.objects, documents, parts.job_rows, parts.maintenance),
        *(tenant.id, id_of(upload)),
    )
    assert job
    if put != "nothing":
        await dropped(parts, tenant, SOLE if put == "the same" else SOLE + " Both do.")
    soon = time.monotonic() + 30
    await parts.jobs.run(tenant.id, job, until=soon, ends=soon)
    assert await has_status(client, str(id_of(upload)), "deleted")
    stays = put == "another" or (put == "the same" and versioned)
    assert await parts.objects.exists(upload.key) == stays
    assert waiting(sqs, parts.documents_queue) == stays
    if stays:
        assert await parts.pipeline.ingest([upload], lasting(30)) == [None]
        assert await has_status(client, str(id_of(upload)), "ready")
