"""What a message asks for: S3's notifications, and our own, whose kinds `quire.queue` lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import unquote_plus
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from quire.domain import document_id
from quire.errors import Invalid
from quire.object_keys import parse_upload_key
from quire.tracing import Trace, from_amazon


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Bytes under a key; `sequencer` orders events about one key, `size` is in bytes, if known.

    `hop` counts the invocations before this one that worked on it; None while it was not yet
    admitted to be worked on. `trace` is what its message belongs to, if it said so.
    """

    key: str
    sequencer: str | None = None
    size: int | None = None
    hop: int | None = None
    trace: Trace | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    key: str
    sequencer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    uploads: Sequence[Upload] = ()
    removals: Sequence[Removal] = ()
    job: tuple[str, UUID] | None = None
    job_watch: tuple[str, UUID] | None = None
    watch: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    recover: bool = False
    trace: Trace | None = field(default=None, compare=False)


# PostgreSQL takes no NUL and no number beyond its own, and asked again it would still take none.
_Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$")]
_Size = Annotated[int, Field(ge=0, lt=2**63)]
_Hop = Annotated[int, Field(ge=0, lt=2**31)]


class _Object(BaseModel):
    key: str
    size: _Size | None = None
    sequencer: _Text | None = None


class _S3(BaseModel):
    object: _Object


class _Record(BaseModel):
    eventName: str  # noqa: N815  (S3's name)
    s3: _S3


class _Ingest(_Object):
    hop: _Hop = 0


class _Job(BaseModel):
    tenant: _Text
    id: UUID


class _Message(BaseModel):
    """All fields may be absent: S3's test event has none of them."""

    Records: list[_Record] = []
    ingest: _Ingest | None = None
    job: _Job | None = None
    job_watch: _Job | None = None
    watch: dict[_Text, list[UUID]] = {}
    recover: bool = False


_MESSAGE = TypeAdapter(_Message)


def parse(body: str, *, trace: str = "") -> Asked:
    """`trace` is X-Ray's header. Raises Invalid, saying what is wrong with the message."""
    try:
        message = _MESSAGE.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"This is no message of ours or S3's: {place} {first['msg']}".strip(), field=place
        ) from error
    uploads = [
        Upload(
            key=unquote_plus(record.s3.object.key),
            sequencer=record.s3.object.sequencer,
            size=record.s3.object.size,
            trace=from_amazon(trace),
        )
        for record in message.Records
        if record.eventName.startswith("ObjectCreated:")
    ]
    if asked := message.ingest:
        uploads.append(
            Upload(
                key=asked.key,
                sequencer=asked.sequencer,
                size=asked.size,
                hop=asked.hop,
                trace=from_amazon(trace),
            )
        )
    return Asked(
        uploads=uploads,
        removals=[
            Removal(key=unquote_plus(record.s3.object.key), sequencer=record.s3.object.sequencer)
            for record in message.Records
            if record.eventName.startswith("ObjectRemoved:")
        ],
        job=_named(message.job),
        job_watch=_named(message.job_watch),
        watch=message.watch,
        recover=message.recover,
        trace=from_amazon(trace),
    )


def _named(job: _Job | None) -> tuple[str, UUID] | None:
    return (job.tenant, job.id) if job else None


def ingest_message(upload: Upload, *, hop: int) -> dict[str, Any]:
    asked = {
        "key": upload.key,
        "hop": hop,
        "size": upload.size,
        "sequencer": upload.sequencer,
    }
    return {"ingest": {name: value for name, value in asked.items() if value is not None}}


def documents_of(uploads: Sequence[Upload]) -> dict[str, list[UUID]]:
    """The documents of each tenant."""
    found: dict[str, list[UUID]] = {}
    for upload in uploads:
        if named := parse_upload_key(upload.key):
            found.setdefault(named[0], []).append(document_id(*named))
    return found
