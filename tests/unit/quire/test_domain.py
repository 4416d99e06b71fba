from uuid import uuid4

import pytest

from quire.domain import Prices, Usage, chunk_id, document_id
from quire.errors import Invalid
from quire.object_keys import parse_upload_key, upload_key


def test_ids_are_the_same_wherever_they_are_made() -> None:
    document = document_id("acme", "a/b.md")
    assert document == document_id("acme", "a/b.md")
    assert chunk_id(document, 1, 0) == chunk_id(document, 1, 0)
    others = {chunk_id(document, 1, 0), chunk_id(document, 2, 0), chunk_id(uuid4(), 1, 0)}
    assert len(others) == 3


def test_cached_tokens_are_charged_at_their_own_price() -> None:
    prices = Prices(prompt=1.0, cached=0.1, completion=10.0, embedding=0.5)
    usage = Usage(prompt_tokens=1000, cached_tokens=400, completion_tokens=100, embedding_tokens=20)
    assert prices.cost(usage) == pytest.approx((600 * 1 + 400 * 0.1 + 100 * 10 + 20 * 0.5) / 1e6)


@pytest.mark.parametrize("filename", ["a.md", "a b+c.md", "книга/глава 1.pdf", "😀.txt"])
def test_a_key_gives_back_its_tenant_and_name(filename: str) -> None:
    assert parse_upload_key(upload_key("acme", filename)) == ("acme", filename)


@pytest.mark.parametrize(
    "key", ["texts/acme/x", "uploads/acme", "uploads//x", "uploads/acme/folder/", "other", ""]
)
def test_other_keys_are_nobodys(key: str) -> None:
    assert parse_upload_key(key) is None


@pytest.mark.parametrize("filename", ["../x", "a/../b", "/a", "a//b", ".", "a/", "x" * 1025])
def test_names_that_s3_or_a_reader_would_misread_are_refused(filename: str) -> None:
    with pytest.raises(Invalid) as error:
        upload_key("acme", filename)
    assert error.value.field == "filename"
