"""Whatever a model writes: each citation that reaches a client is the source's own words."""

import re

import pytest

from tests.e2e.chat.conftest import GEARS, Event, Reader, named, text_of, told

QUESTION = "Why do robot joints use a harmonic drive?"
FRAGMENT = re.compile(r"[\[【［]\s*\d+\s*[.．]|[\[【［]\s*\Z")
SELECTION = (
    "机器人学会走路。它摔倒很多次😀，然后站起来。\n\nÉté: the cafe\u0301 opens at nine o'clock."
)


def split(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def check(events: list[Event], text: str) -> None:
    """What holds of every turn."""
    shown = text_of(events)
    assert not FRAGMENT.search(shown), shown
    end = events[-1]
    assert end["citations"] == [
        {key: value for key, value in event.items() if key not in ("event", "id")}
        for event in named(events, "citation")
    ]
    assert end["grounded"] == bool(end["citations"])
    for citation in end["citations"]:
        assert text[citation["start"] : citation["end"]] == citation["cited_text"]
        assert len(citation["cited_text"]) >= 8
        assert 0 <= citation["answer_start"] < citation["answer_end"] <= len(shown)
        assert shown[: citation["marker_end"]].endswith(f"[{citation['index']}]")


@pytest.mark.parametrize(
    ("written", "shown", "stand", "dropped"),
    [
        ("It has no backlash [1.2].", "It has no backlash [1].", 1, 0),
        ("No backlash [1.2][1.3], greased [1.4].", "No backlash [1], greased [1].", 3, 0),
        ("All of it [1.2-4].", "All of it [1].", 1, 0),
        ("Wrong source [7.1].", "Wrong source.", 0, 1),
        ("Wrong sentence [1.99] here.", "Wrong sentence here.", 0, 1),
        ("No sentence [1].", "No sentence.", 0, 1),
        ("Half a marker [1.", "Half a marker", 0, 1),
        ("Only a bracket [", "Only a bracket", 0, 1),
        ("Nested [[1.2]] and [1.2 [1.3]].", "Nested [1] and [1].", 3, 0),
        ("没有间隙【1.2】，所以关节使用它［１．３］。", "没有间隙[1]，所以关节使用它[1]。", 2, 0),
        ("Grip 🦾🏽 holds [1.2] 👍.", "Grip 🦾🏽 holds [1] 👍.", 1, 0),
        (
            "```py\nx = [1.2, 3.4]\ny = x[0]  # [1.2]\n```\nand `a[9]` too [1.3].",
            "```py\nx = [1.2, 3.4]\ny = x[0]  # [1]\n```\nand `a[9]` too [1].",
            2,
            0,
        ),
        ("None at all.", "None at all.", 0, 0),
    ],
)
async def test_what_is_shown_of_what_is_written(
    reader: Reader, written: str, shown: str, stand: int, dropped: int
) -> None:
    for size in (1, 3, len(written)):
        reader.model.say(*split(written, size))
        events = await told(reader, QUESTION, cache=False)
        if "x = [1.2" not in written:  # a list in code is code
            check(events, reader.text)
        assert text_of(events) == shown
        end = events[-1]
        assert (len(end["citations"]), end["citations_unverified"]) == (stand, dropped)


async def test_a_selections_citations_point_into_it(reader: Reader) -> None:
    reader.model.say("它摔倒很多次 [1.2]", "；cafe opens [1.3].")
    events = await told(reader, "What happens?", selected_text=SELECTION)
    check(events, SELECTION)
    assert len(events[-1]["citations"]) == 2
    for citation in events[-1]["citations"]:
        assert citation["document_id"] is citation["version"] is None


async def test_no_other_text_reaches_the_model_with_a_selection(reader: Reader) -> None:
    first = await told(reader, QUESTION)
    session = first[0]["session_id"]
    reader.model.asked.clear()
    await told(reader, "And this?", selected_text="The torso weighs two kilos.", session_id=session)
    (prompt,) = reader.model.prompts
    assert "The torso weighs two kilos." in prompt
    for other in (QUESTION, *GEARS.split("\n\n"), "Nothing to say."):
        assert other.strip() not in prompt


async def test_the_model_is_asked_nothing_when_nothing_is_found(reader: Reader) -> None:
    events = await told(reader, "What is the capital of Peru?")
    assert named(events, "retrieval_complete")[0]["sources"] == []
    assert "found nothing" in text_of(events)
    assert not events[-1]["grounded"]
    assert reader.model.asked == []


async def test_a_follow_up_is_made_to_stand_alone(reader: Reader) -> None:
    reader.model.say("For its backlash [1.2].")
    session = (await told(reader, QUESTION))[0]["session_id"]
    reader.model.standalone = "How long does the grease in a gearbox last?"
    events = await told(reader, "And the grease?", session_id=session)
    assert events[0]["question"] == "How long does the grease in a gearbox last?"
    rewriting, answering = reader.model.prompts[-2:]
    assert "And the grease?" in rewriting
    assert QUESTION in rewriting
    assert "<passages>" in answering
    assert events[-1]["usage"]["prompt_tokens"] == 2_000


async def test_a_cached_answer_costs_nothing_until_the_corpus_changes(reader: Reader) -> None:
    reader.model.say("For its backlash [1.2].")
    first = await told(reader, QUESTION)
    again = await told(reader, QUESTION)
    assert again[-1]["cached"]
    assert again[-1]["usage"]["cost_usd"] == again[-1]["usage"]["prompt_tokens"] == 0
    assert text_of(again) == text_of(first)
    assert again[-1]["citations"] == first[-1]["citations"]
    assert len(reader.model.asked) == 1
    fresh = await told(reader, QUESTION, cache=False)
    assert not fresh[-1]["cached"]
    other = await told(reader, QUESTION, top_k=3)
    assert not other[-1]["cached"]
