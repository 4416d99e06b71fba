"""Follow-ups: made to stand alone, so that no conversation is answered with another's words."""

import pytest

from tests.e2e.chat.conftest import Event, Reader, told

QUESTION = "Why do robot joints use a harmonic drive?"
FOLLOW_UP = "And the grease?"
ALONE = "How long does the grease in a gearbox last?"


async def conversation(reader: Reader) -> str:
    """A session in which something was said."""
    return str((await told(reader, QUESTION, cache=False))[0]["session_id"])


async def end(reader: Reader, question: str, **more: object) -> Event:
    return (await told(reader, question, **more))[-1]


async def test_what_was_told_of_a_conversation_is_not_cached(reader: Reader) -> None:
    first, second = await conversation(reader), await conversation(reader)
    reader.model.standalone = ALONE
    assert not (await end(reader, FOLLOW_UP, session_id=first))["cached"]
    assert not (await end(reader, ALONE))["cached"]
    # What the model answered without a conversation may be said in one.
    assert (await end(reader, FOLLOW_UP, session_id=second))["cached"]


@pytest.mark.parametrize("cause", ["down", "cut", "empty"])
async def test_a_follow_up_that_does_not_stand_alone_is_nobody_elses(
    reader: Reader, cause: str
) -> None:
    first, second = await conversation(reader), await conversation(reader)
    reader.model.standalone = " " if cause == "empty" else ALONE
    if cause == "down":
        reader.model.down = {"rewrite"}
    reader.model.cut = cause == "cut"
    for session in (first, second):
        events = await told(reader, FOLLOW_UP, session_id=session)
        assert events[0]["question"] == FOLLOW_UP
        assert events[-1]["degraded"] == ["rewrite"]
        assert not events[-1]["cached"]
    assert not (await end(reader, FOLLOW_UP))["cached"]
    assert (await end(reader, FOLLOW_UP))["cached"]
    assert not (await end(reader, FOLLOW_UP, session_id=second))["cached"]
