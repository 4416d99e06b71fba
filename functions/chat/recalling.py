"""The cache of answers: what is kept of a turn, and how it is shown again."""

import json
from collections.abc import Iterator

from functions.chat.events import Cited, Event, ResponseChunk, RetrievalComplete
from functions.chat.rendering import citation_from, citation_json, source_from, source_json
from functions.chat.turn import Turn, cache_key
from quire.domain import Prompt
from quire.store.answers import keep_answer
from quire.store.database import Statement

_MOST_CACHED = 100_000  # bytes of an answer that is kept


def kept(turn: Turn, *, model: str) -> list[Statement]:
    """The answer for the cache, if it is whole, the model's own and not too large.

    What the model was told of a conversation may be in its answer, so that is nobody else's.
    """
    key = cache_key(turn.question, turn.asked, model=model)
    whole = not turn.degraded and turn.finish_reason == "stop"
    if key is None or turn.history or not whole or turn.prompt is None or turn.cached is not None:
        return []
    answer = {
        "answer": turn.citer.text,
        "citations": [citation_json(c) for c in turn.citer.citations],
        "sources": [source_json(source) for source in turn.sources or ()],
        "unverified": turn.citer.unverified,
        "model": turn.model,
        "prompt": [turn.prompt.name, turn.prompt.hash],
    }
    if len(json.dumps(answer)) > _MOST_CACHED:
        return []
    opened = turn.opened
    return [keep_answer(turn.message, key, opened.generation, opened.collection.name, answer)]


def recalled(turn: Turn) -> Iterator[Event]:
    """A cached answer as the events it once was."""
    cached = turn.cached or {}
    turn.sources = [source_from(shown) for shown in cached["sources"]]
    turn.hits = turn.sources  # it quotes them as much as the turn that found them
    yield RetrievalComplete(sources=turn.sources)
    turn.model = cached["model"]
    name, digest = cached["prompt"]
    turn.prompt = Prompt(name=name, hash=digest, messages=())
    turn.citer.unverified = cached["unverified"]
    text, shown_to = cached["answer"], 0
    by_index = {source.index: source for source in turn.sources}
    for shown in cached["citations"]:
        citation = citation_from(shown, by_index[shown["index"]])
        if citation.marker_end > shown_to:
            yield ResponseChunk(text=text[shown_to : citation.marker_end])
            shown_to = citation.marker_end
        turn.citer.citations.append(citation)
        yield Cited(citation=citation)
    if shown_to < len(text):
        yield ResponseChunk(text=text[shown_to:])
    turn.citer.text = text
