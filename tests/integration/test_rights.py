"""The laptop's AWS as a function meets it: what its role lets it do in an account, and no more."""

import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.session import get_session
from werkzeug import Request, Response
from werkzeug.serving import make_server

from deployed.handlers import HANDLERS
from deployed.rights import RIGHTS
from local.provision import REGION
from local.rights import Guard

Call = Callable[[Any], object]
# As an answer without a body, to a HEAD, has no other code.
DENIED = ("AccessDenied", "AccessDeniedException", "403")
# Descriptions of services, read once.
LOADER = create_loader()
PATHS = Config(s3={"addressing_style": "path"}, signature_version="v4")


@Request.application
def anything(request: Request) -> Response:
    """AWS without a guard: it does as it is told, and reads all of it."""
    request.get_data()
    return Response(b"<a/>")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, Guard(anything), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@cache
def client(url: str, function: str, service: Any) -> Any:
    core = get_session()
    core.register_component("data_loader", LOADER)
    session = boto3.Session(function, "local", region_name=REGION, botocore_session=core)
    return session.client(service, endpoint_url=url, config=PATHS)


def test_every_function_has_its_rights() -> None:
    assert RIGHTS.keys() == {*HANDLERS, "chat-stream"}


def secret(name: str) -> Call:
    return lambda vault: vault.get_secret_value(SecretId=f"quire/local/{name}")


def counted(queue: str) -> Call:
    return lambda sqs: sqs.get_queue_attributes(QueueUrl=f"http://x/1/quire-local-{queue}")


def sent(queue: str) -> Call:
    entries = [{"Id": "0", "MessageBody": "{}"}]
    url = f"http://x/1/quire-local-{queue}"
    return lambda sqs: sqs.send_message_batch(QueueUrl=url, Entries=entries)


def on(operation: str, folder: str, **more: str) -> Call:
    key = f"{folder}/main/a b.txt"
    return lambda s3: getattr(s3, operation)(Bucket="b", Key=key, **more)


@pytest.mark.parametrize(
    ("service", "call", "functions"),
    [
        ("secretsmanager", secret("runtime"), set(RIGHTS)),
        ("secretsmanager", secret("migration"), {"migrate"}),
        ("sqs", counted("bulk"), {"ingest", "maintenance"}),
        ("sqs", counted("dead"), {"maintenance"}),
        ("sqs", sent("bulk"), {"ingest", "maintenance"}),
        ("s3", on("get_object", "texts"), {"ingest-api", "ingest", "maintenance"}),
        ("s3", on("head_object", "exports"), {"ingest-api", "maintenance"}),
        ("s3", on("put_object", "texts"), {"ingest"}),
        ("s3", on("create_multipart_upload", "exports"), {"maintenance"}),
        ("s3", on("abort_multipart_upload", "texts", UploadId="u"), set()),
        ("s3", on("delete_object", "texts", VersionId="v"), {"maintenance"}),
        ("s3", on("get_object", "elsewhere"), set()),
        ("s3", lambda s3: s3.list_object_versions(Bucket="b"), {"maintenance"}),
    ],
)
def test_who_may(url: str, service: str, call: Call, functions: set[str]) -> None:
    def may(function: str) -> bool:
        try:
            call(client(url, function, service))
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            return False
        return True

    assert {function for function in RIGHTS if may(function)} == functions
    assert may("local"), "whoever is no function may do anything"


@pytest.mark.parametrize(("function", "status"), [("ingest-api", 200), ("ingest", 403)])
def test_what_it_signs_for_others_it_has_to_be_let_do_itself(
    url: str, function: str, status: int
) -> None:
    s3 = client(url, function, "s3")
    form = s3.generate_presigned_post("b", "uploads/main/a.txt")
    sent = httpx.post(form["url"], data=form["fields"], files={"file": b"text"})
    given = {"Bucket": "b", "Key": "exports/main/a.tar"}
    fetched = httpx.get(s3.generate_presigned_url("get_object", Params=given))
    assert (sent.status_code, fetched.status_code) == (status, status)
