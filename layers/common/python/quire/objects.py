"""S3: one bucket, for originals, canonical texts and archives."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import Header, decode_header, make_header
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quire.aws import unavailable
from quire.errors import NotFound, TooLarge
from quire.object_keys import text_key

P = ParamSpec("P")
R = TypeVar("R")

# A form for an upload is good for an hour.
UPLOAD_SECONDS = 3_600
_NOT_FOUND = ("NoSuchKey", "NoSuchUpload", "404")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """`etag` changes with the content."""

    content: bytes
    content_type: str | None
    metadata: Mapping[str, str]
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedUpload:
    url: str
    fields: Mapping[str, str]


class Bucket:
    """boto3 blocks, so each call runs in a thread with bounded patience."""

    def __init__(self, bucket: str, *, timeout: float = 25.0) -> None:
        """`timeout` in seconds bounds each call: two attempts, and an answer that drips."""
        self._bucket = bucket
        self._timeout = timeout
        self._s3 = connect()

    async def _call(self, method: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """A call of the SDK's, in a thread, which is left behind when it is late.

        Raises NotFound, Unavailable.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.to_thread(method, *args, **kwargs)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NOT_FOUND:
                raise NotFound("There is no such file.") from error
            raise unavailable("storage", error) from error
        except (BotoCoreError, TimeoutError) as error:
            raise unavailable("storage", error) from error


class Objects(Bucket):
    """All but archives."""

    async def get(self, key: str, *, most: int | None = None) -> StoredObject:
        """Raises NotFound, TooLarge beyond `most` bytes, Unavailable."""

        def read() -> StoredObject:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
            with answer["Body"] as body:
                if most is not None and answer["ContentLength"] > most:
                    raise TooLarge(f"The file is larger than {most // 2**20} MB.")
                return StoredObject(
                    content=body.read(),
                    content_type=answer.get("ContentType"),
                    metadata={k: _decode(v) for k, v in answer["Metadata"].items()},
                    etag=answer["ETag"],
                )

        return await self._call(read)

    async def put(
        self, key: str, content: bytes, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        await self._call(
            self._s3.put_object,
            Bucket=self._bucket,
            Key=key,
            Body=content,
            ContentType=content_type,
            Metadata={k: _encode(v) for k, v in metadata.items()},
        )

    async def put_text(self, tenant: str, document: UUID, version: int, text: str) -> None:
        await self.put(
            text_key(tenant, document, version),
            text.encode(),
            content_type="text/plain; charset=utf-8",
            metadata={},
        )

    async def get_text(self, tenant: str, document: UUID, version: int) -> str:
        """A version's canonical text. Raises NotFound, Unavailable."""
        stored = await self.get(text_key(tenant, document, version))
        return stored.content.decode()

    async def etag(self, key: str) -> str | None:
        """None when there is no such object."""
        try:
            answer = await self._call(self._s3.head_object, Bucket=self._bucket, Key=key)
        except NotFound:
            return None
        etag: str = answer["ETag"]
        return etag

    async def identity(self, key: str) -> str:
        """What tells an object from what is put in its place later; empty when there is none.

        Without versions in the bucket the same content cannot be told apart.
        """
        try:
            return _identity(await self._call(self._s3.head_object, Bucket=self._bucket, Key=key))
        except NotFound:
            return ""

    async def exists(self, key: str) -> bool:
        return await self.etag(key) is not None

    async def list(self, prefix: str, *, after: str, most: int) -> list[tuple[str, int]]:
        """The next keys below `prefix` that follow `after`, each with its size in bytes."""
        answer = await self._call(
            self._s3.list_objects_v2,
            Bucket=self._bucket,
            Prefix=prefix,
            StartAfter=after,
            MaxKeys=most,
        )
        return [(item["Key"], item["Size"]) for item in answer.get("Contents", [])]

    async def delete(self, key: str) -> None:
        """Deleting what is not there is no error."""
        await self._call(self._s3.delete_object, Bucket=self._bucket, Key=key)

    async def purge(
        self, prefix: str, *, whole_key: bool = False, unwanted: str | None = None
    ) -> int:
        """Delete every version of the keys below `prefix`, or of that one key; how many.

        With the identity `unwanted`, what is there to be read now is spared if it is another.
        """

        def list_all() -> list[tuple[str, str]]:
            pages = self._s3.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            return [
                (item["Key"], item["VersionId"])
                for page in pages
                for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if (item["Key"] == prefix or not whole_key)
                # Markers of what was deleted have no size.
                and (
                    unwanted is None
                    or not (item["IsLatest"] and "Size" in item)
                    or _identity(item) == unwanted
                )
            ]

        # First the whole list: its pages go on from where something was that is gone then.
        found = await self._call(list_all)
        for key, version in found:
            await self._call(
                self._s3.delete_object, Bucket=self._bucket, Key=key, VersionId=version
            )
        return len(found)

    def presign_text(self, tenant: str, document: UUID, version: int, *, seconds: int) -> str:
        """A URL that answers a version's canonical text to whoever has it (no request)."""
        url: str = self._s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": text_key(tenant, document, version)},
            ExpiresIn=seconds,
        )
        return url

    def presign_upload(
        self, key: str, *, content_type: str, size: int, metadata: Mapping[str, str], seconds: int
    ) -> PresignedUpload:
        """A form that takes exactly `size` bytes of that type under that key (no request)."""
        fields = {
            "Content-Type": content_type,
            **{f"x-amz-meta-{name}": _encode(value) for name, value in metadata.items()},
        }
        form = self._s3.generate_presigned_post(
            self._bucket,
            key,
            Fields=dict(fields),
            Conditions=[
                ["content-length-range", size, size],
                *({name: value} for name, value in fields.items()),
            ],
            ExpiresIn=seconds,
        )
        return PresignedUpload(url=form["url"], fields=form["fields"])


def connect() -> Any:
    return boto3.client(
        "s3",
        config=Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 2},
            signature_version="s3v4",
            s3={"addressing_style": "path"},
        ),
    )


def _identity(described: Mapping[str, Any]) -> str:
    version = described.get("VersionId", "null")
    return str(described["ETag"] if version == "null" else version)


def _encode(value: str) -> str:
    """S3's own convention for metadata beyond ASCII (RFC 2047)."""
    literal = value.isascii() and "=?" not in value
    return value if literal else Header(value, "utf-8", maxlinelen=10**6).encode()


def _decode(value: str) -> str:
    try:
        decoded = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value  # whoever put the object there meant it literally
    # Some of Python's codecs make half a character of bytes that nobody meant so.
    return decoded.replace("\0", "").encode(errors="replace").decode()
