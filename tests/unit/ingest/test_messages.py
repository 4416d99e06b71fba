"""What a message asks for, whoever sent it."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from functions.ingest.messages import Asked, Removal, Upload, ingest_message, parse
from quire.errors import Invalid

JOB = UUID("018f0000-0000-7000-8000-000000000001")


def s3_event(*records: tuple[str, dict[str, Any]]) -> str:
    """As S3 sends it, with more in it than we read."""
    return json.dumps(
        {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "eventName": name,
                    "s3": {"bucket": {"name": "b"}, "object": {"eTag": "e", **fields}},
                }
                for name, fields in records
            ]
        }
    )


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("uploads/t/a.md", "uploads/t/a.md"),
        ("uploads/t/two+words.md", "uploads/t/two words.md"),
        ("uploads%2Ft%2Fone%2Btwo.md", "uploads/t/one+two.md"),
        ("uploads/t/%C3%A9+%F0%9F%98%80.md", "uploads/t/é 😀.md"),
        ("uploads/t/100%2525.md", "uploads/t/100%25.md"),
    ],
)
def test_keys_are_decoded_once(encoded: str, key: str) -> None:
    asked = parse(s3_event(("ObjectCreated:Put", {"key": encoded})))
    assert [upload.key for upload in asked.uploads] == [key]


def test_an_upload_is_not_yet_admitted() -> None:
    created = {"key": "uploads/t/a.md", "size": 7, "sequencer": "0055AED6"}
    asked = parse(s3_event(("ObjectCreated:CompleteMultipartUpload", created)))
    assert asked.uploads == [Upload(key="uploads/t/a.md", sequencer="0055AED6", size=7, hop=None)]
    assert not asked.removals


def test_what_came_and_what_went_are_told_apart() -> None:
    asked = parse(
        s3_event(
            ("ObjectCreated:Post", {"key": "uploads/t/came.md"}),
            ("ObjectRemoved:DeleteMarkerCreated", {"key": "uploads/t/we+nt.md", "sequencer": "1"}),
            ("ObjectTagging:Put", {"key": "uploads/t/tagged.md"}),
        )
    )
    assert [upload.key for upload in asked.uploads] == ["uploads/t/came.md"]
    assert asked.removals == [Removal(key="uploads/t/we nt.md", sequencer="1")]


@pytest.mark.parametrize(
    "body", ['{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}', "{}"]
)
def test_a_test_event_asks_for_nothing(body: str) -> None:
    assert parse(body) == Asked(uploads=[], removals=[])


def test_a_job() -> None:
    assert parse(json.dumps({"job": {"tenant": "t", "id": str(JOB)}})).job == ("t", JOB)


def test_a_jobs_watch() -> None:
    assert parse(json.dumps({"job_watch": {"tenant": "t", "id": str(JOB)}})).job_watch == ("t", JOB)


def test_a_watch() -> None:
    assert parse(json.dumps({"watch": {"t": [str(JOB)], "u": []}})).watch == {"t": [JOB], "u": []}


def test_a_recovery() -> None:
    assert parse('{"recover": true}').recover
    assert not parse("{}").recover


@pytest.mark.parametrize(("sequencer", "size"), [(None, None), ("0B", 0), (None, 7)])
def test_what_we_hand_over_is_understood(sequencer: str | None, size: int | None) -> None:
    # Our own keys are not encoded: a plus is a plus.
    upload = Upload(key="uploads/t/1+1 é.md", sequencer=sequencer, size=size)
    body = json.dumps(ingest_message(upload, hop=3))
    assert parse(body).uploads == [replace(upload, hop=3)]


def test_a_person_asking_again_was_admitted() -> None:
    assert parse('{"ingest": {"key": "uploads/t/a.md"}}').uploads[0].hop == 0


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "null",
        "[]",
        '"text"',
        '{"Records": 5}',
        '{"Records": [{}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {}}}]}',
        '{"ingest": {"hop": 1}}',
        '{"ingest": {"key": "k", "hop": "many"}}',
        '{"job": {"tenant": "t", "id": "no uuid"}}',
        '{"watch": {"t": ["no uuid"]}}',
        '{"watch": [1]}',
        '{"watch": {"\\u0000": []}}',
        '{"job": {"tenant": "\\u0000", "id": "018f0000-0000-7000-8000-000000000001"}}',
        '{"recover": "perhaps"}',
        '{"job": ' + "[" * 5_000,
    ],
)
def test_garbage_is_called_so(body: str) -> None:
    with pytest.raises(Invalid, match="no message of ours or S3's"):
        parse(body)


def test_what_is_wrong_is_named_without_repeating_it() -> None:
    with pytest.raises(Invalid) as caught:
        parse('{"ingest": {"key": 5, "sequencer": "private"}}')
    assert caught.value.field == "ingest.key"
    assert "ingest.key" in caught.value.message
    assert "private" not in caught.value.message
