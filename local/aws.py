"""The laptop's S3, SQS and Secrets Manager: moto's server, whose objects outlive it.

`python -m local.aws --port 4566 --state .quire/aws`. Only objects are kept; buckets, queues and
secrets are made anew by whoever starts the server, who then calls `restore`.
"""

import hashlib
import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from local.queues import mend_queues
from local.rights import Guard
from local.service import Service, accepts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask
    from types_boto3_s3 import S3Client

_METADATA = "x-amz-meta-"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptObject:
    """What the first line of a kept object's file tells, in JSON; the object's bytes follow it."""

    bucket: str
    key: str
    etag: str
    content_type: str
    metadata: dict[str, str]


class KeptObjects:
    """The objects of moto's buckets, each a file in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[tuple[str, str], Any] = {}

    def follow(self, path: str) -> None:
        """Write what a request to `path`, of a bucket or an object, changed in moto.

        A change is told by identity: moto makes a new FakeKey for every put, copy and upload.
        """
        bucket, _, key = path.removeprefix("/").partition("/")
        places = {(bucket, key)}
        if not _held_by_moto(bucket, key) and not places & self._known.keys():
            places = {*self._known, *_places_in_moto()}  # it was to a bucket
        changed = {
            place: stored
            for place in places
            if (stored := _held_by_moto(*place)) is not self._known.get(place)
        }
        for place, stored in changed.items():
            if stored:
                self._write(stored)
                self._known[place] = stored
            else:
                self._path(*place).unlink(missing_ok=True)
                del self._known[place]
        if changed:
            _sync_folder(self._folder)

    def _write(self, stored: Any) -> None:
        kept = _describe(stored)
        path = self._path(kept.bucket, kept.key)
        if path.exists() and _read(path)[0] == kept:
            return
        part = self._folder / "part"
        with part.open("wb") as file:
            file.write(json.dumps(asdict(kept)).encode() + b"\n" + stored.value)
            file.flush()
            os.fsync(file.fileno())
        # `restore` goes by these times, and the kernel's own may be the same for many writes.
        os.utime(part, ns=(time.time_ns(),) * 2)
        part.replace(path)

    def _path(self, bucket: str, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(f'{bucket}/{key}'.encode()).hexdigest()}.object"


class KeepingObjects:
    """WSGI: the S3 app of moto, which answers a change only once it is on disk.

    One request at a time: moto reads an object's shared buffer without a lock to make its ETag.
    """

    def __init__(self, app: "WSGIApplication", objects: KeptObjects) -> None:
        self._app = app
        self._objects = objects
        self._lock = threading.Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        from werkzeug.wsgi import get_input_stream

        # Read before the lock is taken, so that a slow upload keeps nobody else waiting.
        environ["wsgi.input"] = io.BytesIO(get_input_stream(environ).read())
        with self._lock:
            answer = self._app(environ, start_response)
            if environ["REQUEST_METHOD"] in {"PUT", "POST", "DELETE"}:
                self._objects.follow(environ["PATH_INFO"].encode("latin-1").decode())
        return answer


def restore(client: "S3Client", bucket: str, *, state: Path) -> int:
    """Put every kept object of `bucket` back, the oldest first; how many there were.

    Each is a put like any other: its ObjectCreated event goes out again, and ingestion resumes
    what an interrupted run left undone. To be called once the bucket and its notification are
    there, and before anybody else writes to it.
    """
    files = sorted(_folder(state).glob("*.object"), key=lambda path: path.stat().st_mtime_ns)
    restored = 0
    for path in files:
        kept, body = _read(path)
        if kept.bucket != bucket:
            continue
        client.put_object(
            Bucket=bucket,
            Key=kept.key,
            Body=body,
            ContentType=kept.content_type,
            Metadata=kept.metadata,
        )
        restored += 1
    return restored


def service(state: Path, port: int) -> Service:
    """The server as a supervised child. Provisioning and `restore` follow each of its starts.

    `restore` takes a minute for ten thousand objects, so being ready may take longer than that.
    """
    return Service(
        name="aws",
        command=[sys.executable, "-m", "local.aws", "--port", str(port), "--state", str(state)],
        log=state / "aws.log",
        port=port,
        ready=partial(accepts, port),
        deadline=900,
    )


def serve(
    port: Annotated[int, typer.Option(help="Where to listen on 127.0.0.1.")] = 4566,
    state: Annotated[Path, typer.Option(help="Where objects are kept.")] = Path(".quire/aws"),
) -> None:
    """Serve S3, SQS and Secrets Manager on loopback."""
    # Here, because moto takes over a second to import and a supervisor needs none of it.
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import run_simple

    mend_queues()
    objects = KeptObjects(_folder(state))

    def create_app(name: Any) -> "Flask":
        app = create_backend_app(name)
        if name == "s3":
            app.wsgi_app = KeepingObjects(app.wsgi_app, objects)  # type: ignore[method-assign]
        return app

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # not a line for every poll of a queue
    run_simple(
        "127.0.0.1",
        port,
        Guard(DomainDispatcherApplication(create_app)),
        threaded=True,
        request_handler=MotoRequestHandler,
    )


def _held_by_moto(bucket: str, key: str) -> Any:
    """The current object of that key, as moto's FakeKey; None where there is none."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import FakeKey, s3_backends

    held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)
    stored = held.keys.get(key) if held else None
    return stored if isinstance(stored, FakeKey) else None  # and not a delete marker


def _places_in_moto() -> Iterator[tuple[str, str]]:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    for bucket in list(s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.values()):
        yield from ((bucket.name, key) for key in list(bucket.keys))


def _describe(stored: Any) -> KeptObject:
    metadata = {name.lower(): value for name, value in stored.metadata.items()}
    return KeptObject(
        bucket=stored.bucket_name,
        key=stored.name,
        etag=stored.etag,
        content_type=metadata["content-type"],
        metadata={
            name.removeprefix(_METADATA): value
            for name, value in metadata.items()
            if name.startswith(_METADATA)
        },
    )


def _read(path: Path) -> tuple[KeptObject, bytes]:
    with path.open("rb") as file:
        return KeptObject(**json.loads(file.readline())), file.read()


def _folder(state: Path) -> Path:
    return state / "objects"


def _sync_folder(folder: Path) -> None:
    """Make renames and removals in it durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    typer.run(serve)
