"""Archives in S3: written part by part, by several invocations, then fetched by a URL."""

from collections.abc import Sequence

from quire.objects import Bucket

# S3 wants 5 MB at least of all parts but the last.
PART_BYTES = 8 * 2**20


class Archives(Bucket):
    """Until it is finished, nobody sees anything of an archive."""

    async def begin(self, key: str) -> str:
        """What the parts of the archive go to. Raises Unavailable, as all do."""
        answer = await self._call(
            self._s3.create_multipart_upload,
            Bucket=self._bucket,
            Key=key,
            ContentType="application/x-tar",
        )
        return str(answer["UploadId"])

    async def put(self, key: str, upload: str, number: int, content: bytes) -> str:
        """Its tag, by which it is finished. The same number again takes the former one's place."""
        answer = await self._call(
            self._s3.upload_part,
            Bucket=self._bucket,
            Key=key,
            UploadId=upload,
            PartNumber=number,
            Body=content,
        )
        return str(answer["ETag"])

    async def finish(self, key: str, upload: str, tags: Sequence[str]) -> None:
        """Raises NotFound when there is no such upload any more: it may be finished."""
        parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, start=1)]
        await self._call(
            self._s3.complete_multipart_upload,
            Bucket=self._bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
        )

    async def abandon(self, key: str, upload: str) -> None:
        """Raises NotFound when it was finished, or abandoned before."""
        await self._call(
            self._s3.abort_multipart_upload, Bucket=self._bucket, Key=key, UploadId=upload
        )

    def presign(self, key: str, *, seconds: int) -> str:
        """A URL that answers the archive to whoever has it (no request)."""
        url: str = self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds
        )
        return url
