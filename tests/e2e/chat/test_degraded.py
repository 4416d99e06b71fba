"""What is still answered when something is down, and how the answer says so."""

import httpx

from tests.e2e.chat.conftest import Reader, named, text_of, told
from tests.e2e.conftest import put

QUESTION = "Why do robot joints use a harmonic drive?"


async def test_without_embeddings_words_are_searched_for(reader: Reader) -> None:
    reader.model.down = {"embeddings"}
    reader.model.say("For its backlash [1.2].")
    events = await told(reader, QUESTION)
    assert named(events, "retrieval_complete")[0]["sources"]
    assert events[-1]["degraded"] == ["embeddings"]
    assert events[-1]["grounded"]


async def test_without_a_model_the_best_passages_are_quoted(reader: Reader) -> None:
    reader.model.down = {"chat"}
    events = await told(reader, QUESTION)
    end = events[-1]
    assert (end["event"], end["degraded"]) == ("response_complete", ["model"])
    assert end["grounded"]
    for citation in end["citations"]:
        assert reader.text[citation["start"] : citation["end"]] == citation["cited_text"]
        assert " ".join(citation["cited_text"].split()) in text_of(events)
    reader.model.down = set()
    reader.model.say("For its backlash [1.2].")
    assert not (await told(reader, QUESTION))[-1]["cached"], "a makeshift answer is not kept"


async def test_without_both_the_best_passages_are_found_by_words(reader: Reader) -> None:
    reader.model.down = {"chat", "embeddings"}
    answer = await reader.client.post("/v1/chat", json={"question": QUESTION})
    assert answer.status_code == 200
    assert answer.json()["degraded"] == ["embeddings", "model"]
    assert answer.json()["citations"]


async def test_a_new_document_ends_what_was_cached(
    reader: Reader, client: httpx.AsyncClient
) -> None:
    reader.model.say("For its backlash [1.2].")
    await told(reader, QUESTION)
    await put(client, "more.md", "# More\n\nJoints also use planetary gears.")
    assert not (await told(reader, QUESTION))[-1]["cached"]
