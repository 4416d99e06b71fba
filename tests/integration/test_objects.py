"""Objects in a bucket that keeps versions, as the one in AWS does and the laptop's does not."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.provision import credentials
from quire.errors import Invalid, NotFound, TooLarge, Unavailable
from quire.object_keys import parse_upload_key, upload_key
from quire.objects import Objects

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "versioned"
LONGEST = 1_024 - len("uploads/t/")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    for name, value in credentials(address).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    client.close()


@pytest.fixture
def objects(s3: "S3Client") -> Objects:
    return Objects(BUCKET)


async def put(objects: Objects, key: str, content: bytes = b"text") -> None:
    await objects.put(key, content, content_type="text/plain", metadata={})


def held(s3: "S3Client") -> dict[str, int]:
    """How many versions and markers there are of each key."""
    listed = s3.list_object_versions(Bucket=BUCKET)
    keys = [item["Key"] for item in listed.get("Versions", [])]
    keys += [item["Key"] for item in listed.get("DeleteMarkers", [])]
    return {key: keys.count(key) for key in keys}


async def test_a_purge_takes_every_version_and_no_neighbour(
    s3: "S3Client", objects: Objects
) -> None:
    """Names that begin with another's are not that other's."""
    mine, other, text = "uploads/t/a b+é.md", "uploads/t/a b+é.md.md", "texts/t/1/1.txt"
    for key in (mine, mine, other, text, "texts/t/1/1.passages", "texts/t/10/1.txt"):
        await put(objects, key)
    for key in (mine, text):
        await objects.delete(key)
        assert not await objects.exists(key)
    await put(objects, mine)
    assert held(s3)[mine] == 4

    assert await objects.purge(mine, whole_key=True) == 4
    assert await objects.purge(mine, whole_key=True) == 0
    assert await objects.purge("texts/t/1/") == 3
    assert held(s3) == {other: 1, "texts/t/10/1.txt": 1}
    assert await objects.purge("uploads/t/") == await objects.purge("texts/t/") == 1


@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.parametrize("again", [b"new", b"old", None])
async def test_a_purge_spares_what_was_put_since(
    s3: "S3Client", objects: Objects, removed: bool, again: bytes | None
) -> None:
    """The same bytes too; and nothing that was there before comes back for it."""
    key = "uploads/t/a.md"
    for content in (b"older", b"old"):
        await put(objects, key, content)
    if removed:
        await objects.delete(key)
    unwanted = await objects.identity(key)
    assert (unwanted == "") == removed
    if again:
        await put(objects, key, again)
    assert await objects.purge(key, whole_key=True, unwanted=unwanted) == 2 + removed
    assert held(s3) == ({key: 1} if again else {})
    if again:
        assert (await objects.get(key)).content == again
    await objects.purge("uploads/t/")


async def test_what_was_put_and_removed_since_is_not_brought_back(
    s3: "S3Client", objects: Objects
) -> None:
    key = "uploads/t/a.md"
    await put(objects, key)
    unwanted = await objects.identity(key)
    await put(objects, key, b"new")
    await objects.delete(key)
    assert await objects.purge(key, whole_key=True, unwanted=unwanted) == 3
    assert held(s3) == {}


async def test_a_purge_goes_through_all_pages(
    s3: "S3Client", objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")  # S3's own are a thousand
    for number in range(8):
        await put(objects, "uploads/t/changing.md", str(number).encode())
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 3
    assert await objects.purge("uploads/t/changing.md", whole_key=True) == 8
    assert held(s3) == {}


@pytest.mark.parametrize("written", ["=?utf-7?q?+2AA-?=", "=?unicode_escape?q?=5Cud800?="])
async def test_metadata_that_decodes_to_no_text_can_still_be_stored(
    s3: "S3Client", objects: Objects, written: str
) -> None:
    s3.put_object(Bucket=BUCKET, Key="uploads/t/odd.md", Body=b"text", Metadata={"note": written})
    stored = await objects.get("uploads/t/odd.md")
    assert stored.metadata["note"].encode()
    await objects.purge("uploads/")


@pytest.mark.usefixtures("s3")
async def test_what_is_too_large_is_not_read(objects: Objects) -> None:
    await put(objects, "uploads/t/large.md", b"x" * 2**20)
    assert len((await objects.get("uploads/t/large.md", most=2**20)).content) == 2**20
    with pytest.raises(TooLarge, match="0 MB"):
        await objects.get("uploads/t/large.md", most=2**20 - 1)
    await objects.purge("uploads/")


async def test_what_is_absent_is_told_from_what_is_away(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound):
        await objects.get("uploads/t/never.md")
    assert not await objects.exists("uploads/t/never.md")
    with pytest.raises(Unavailable, match="storage"):
        await Objects("no-such-bucket").get("uploads/t/never.md")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="storage"):
        await Objects(BUCKET).exists("uploads/t/never.md")


@pytest.mark.parametrize(
    "filename",
    ["a.md", "a/b c+d.md", "..a/b...md", "100%25.md", "تجربة 😀.md", "x" * LONGEST, "\u200d"],
)
def test_a_key_tells_its_tenant_and_name(filename: str) -> None:
    assert parse_upload_key(upload_key("t", filename)) == ("t", filename)


@pytest.mark.parametrize(
    "filename",
    [
        *("", ".", "..", "../a.md", "a/../b.md", "/a.md", "a//b.md", "a/", "a/./b"),
        *("nul\0.md", "half \ud83d.md", "x" * (LONGEST + 1), "é" * (LONGEST // 2 + 1)),
    ],
)
def test_what_is_no_name_makes_no_key(filename: str) -> None:
    with pytest.raises(Invalid):
        upload_key("t", filename)
    assert parse_upload_key(f"uploads/t/{filename}") is None


@pytest.mark.parametrize("key", ["", "uploads/", "uploads/t", "uploads//a.md", "texts/t/1/1.txt"])
def test_other_keys_are_no_uploads(key: str) -> None:
    assert parse_upload_key(key) is None
