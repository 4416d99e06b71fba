"""A passage that the model makes up, to search by where a question finds little (HyDE)."""

from typing import Any

import httpx
import pytest

from tests.e2e.chat.conftest import Reader, named, told
from tests.e2e.conftest import put

PLAIN = "Why do robot joints use a harmonic drive?"
# It has no word in common with what answers it, and little meaning.
ODD = "Zqx wlmph?"


@pytest.fixture
async def shelf(reader: Reader, client: httpx.AsyncClient) -> Reader:
    """Another book beside the one on gears, which is not to be found first by chance."""
    await put(client, "tides.md", "# Tides\n\nThe moon lifts the sea twice a day.")
    reader.model.say("So it is [1.1].")
    return reader


async def first(reader: Reader, question: str, **more: Any) -> tuple[str | None, bool]:
    """The file that was found first, and whether a passage was made up."""
    events = await told(reader, question, top_k=1, cache=False, **more)
    sources = named(events, "retrieval_complete")[0]["sources"]
    return (sources[0]["filename"] if sources else None), events[-1]["hyde"]


async def test_a_passage_is_made_up_where_words_and_meaning_disagree(shelf: Reader) -> None:
    for filename, passage in (
        ("gears.md", "A harmonic drive has almost no backlash."),
        ("tides.md", "High tide comes twice a day because of the moon."),
    ):
        shelf.model.hypothesis = passage
        assert await first(shelf, ODD) == (filename, True)
    assert shelf.model.imagined == [ODD, ODD]
    shelf.model.imagined.clear()
    assert await first(shelf, PLAIN) == ("gears.md", False)
    assert shelf.model.imagined == []


async def test_it_is_as_the_caller_says(shelf: Reader) -> None:
    shelf.model.hypothesis = "A harmonic drive has almost no backlash."
    assert await first(shelf, PLAIN, hyde="always") == ("gears.md", True)
    assert (await first(shelf, ODD, hyde="never"))[1] is False
    assert shelf.model.imagined == [PLAIN]


async def test_what_was_made_up_is_neither_shown_nor_cited_and_has_its_cost(shelf: Reader) -> None:
    shelf.model.hypothesis = "A harmonic drive has almost no backlash, say the elves."
    without = (await told(shelf, PLAIN, hyde="never", cache=False))[-1]["usage"]
    events = await told(shelf, PLAIN, hyde="always", cache=False)
    assert "elves" not in str(events)
    assert all("elves" not in prompt for prompt in shelf.model.prompts)
    used = events[-1]["usage"]
    assert used["prompt_tokens"] == 2 * without["prompt_tokens"]
    assert used["embedding_tokens"] > without["embedding_tokens"]
    assert events[-1]["timings"]["hypothesis"] > 0


async def test_a_model_that_makes_nothing_up_is_done_without(shelf: Reader) -> None:
    shelf.model.down = {"hypothesis"}
    assert await first(shelf, PLAIN, hyde="always") == ("gears.md", False)


async def test_what_breaks_off_before_it_is_whole_has_its_cost_too(shelf: Reader) -> None:
    without = (await told(shelf, PLAIN, hyde="never", cache=False))[-1]["usage"]
    shelf.model.hypothesis, shelf.model.breaks_after = "A harmonic drive has almost no", 1
    end = (await told(shelf, PLAIN, hyde="always", cache=False))[-1]
    assert (end["event"], end["hyde"]) == ("response_complete", False)
    for tokens in ("prompt_tokens", "completion_tokens"):
        assert end["usage"][tokens] > without[tokens]


async def test_a_search_alone_makes_nothing_up_unless_it_is_asked_to(shelf: Reader) -> None:
    shelf.model.hypothesis = "High tide comes twice a day because of the moon."
    for hyde, wanted in (({}, False), ({"hyde": "auto"}, True), ({"hyde": "always"}, True)):
        answer = await shelf.client.post("/v1/retrieve", json={"question": ODD, **hyde})
        assert answer.json()["hyde"] is wanted
    assert answer.json()["chunks"][0]["filename"] == "tides.md"
