"""Whatever a queue brings is understood or called garbage, and what is understood can be kept."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.messages import Asked, Removal, Upload, ingest_message, parse
from quire.errors import Invalid

JOB = {"tenant": "t", "id": "018f0000-0000-7000-8000-000000000001"}
OBJECT = {"key": "uploads/t/a+b.md", "size": 7, "sequencer": "0055AED6DCD90281E5"}
MESSAGES: list[dict[str, Any]] = [
    {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": OBJECT}}]},
    {"Records": [{"eventName": "ObjectRemoved:Delete", "s3": {"object": OBJECT}}]},
    {"ingest": {**OBJECT, "hop": 1}},
    {"job": JOB},
    {"job_watch": JOB},
    {"watch": {"t": [JOB["id"]]}},
    {"recover": True},
]
# As they can stand in JSON: NUL and halves of characters too.
TEXT = st.text(st.characters() | st.sampled_from("\0\ud800\udc00%+/"), max_size=9)
LEAF = st.one_of(
    *(st.none(), st.booleans(), TEXT, st.integers(), st.floats()),
    st.sampled_from([-1, 10**40, 2**31, 2**63, "\0", "%00", "", "9" * 5_000]),
)
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=5
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in it, as what holds it and under which name."""
    for name in value if isinstance(value, dict) else range(len(value)):
        yield value, name
        if isinstance(value[name], dict | list):
            yield from places(value[name])


@st.composite
def odd_messages(draw: st.DrawFn) -> Any:
    """A message of a kind we know, with one or two things in it that are not as they are."""
    message = deepcopy(draw(st.sampled_from(MESSAGES)))
    for _ in range(draw(st.integers(0, 2))):
        if found := list(places(message)):
            holder, name = draw(st.sampled_from(found))
            if isinstance(holder, dict) and draw(st.booleans()):
                holder[draw(TEXT)] = holder.pop(name)
            else:
                holder[name] = draw(JSON)
    return message


def check(body: str) -> None:
    try:
        asked = parse(body)
    except Invalid as error:
        asked, refusal = Asked(), error.message
    else:
        refusal = "no message of ours or S3's"
    assert "no message of ours or S3's" in refusal.encode().decode()
    can_be_kept(asked)


def can_be_kept(asked: Asked) -> None:
    """PostgreSQL and SQS take all of it."""
    jobs = [job for job in (asked.job, asked.job_watch) if job]
    objects: list[Upload | Removal] = [*asked.uploads, *asked.removals]
    for text in (
        *asked.watch,
        *(tenant for tenant, _ in jobs),
        *(o.sequencer or "0" for o in objects),
    ):
        assert text
        assert "\0" not in text
        text.encode()
    for upload in asked.uploads:
        assert 0 <= (upload.size or 0) < 2**63
        assert 0 <= (upload.hop or 0) < 2**31
        (handed_over,) = parse(json.dumps(ingest_message(upload, hop=1))).uploads
        assert (handed_over.key, handed_over.hop) == (upload.key, 1)
        assert (handed_over.size, handed_over.sequencer) == (upload.size, upload.sequencer)


@given(odd_messages())
def test_a_message_with_something_odd_is_understood_or_refused(message: Any) -> None:
    check(json.dumps(message))


@given(JSON)
def test_any_json_is_understood_or_refused(message: Any) -> None:
    check(json.dumps(message))


@given(st.sampled_from(MESSAGES), st.integers(0, 150), st.text(max_size=3), st.integers(0, 9))
def test_a_message_that_was_cut_is_understood_or_refused(
    message: Any, at: int, put: str, without: int
) -> None:
    body = json.dumps(message)
    check(body[:at] + put + body[at + without :])
