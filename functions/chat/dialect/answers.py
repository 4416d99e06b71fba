"""A turn → a chat completion, whole or in chunks. What OpenAI has no word for is under `quire`."""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID

from functions.chat.dialect import MODEL
from functions.chat.events import (
    Answer,
    Event,
    Incomplete,
    Outcome,
    ResponseChunk,
    ResponseComplete,
    RetrievalComplete,
    RetrievalStart,
)
from functions.chat.rendering import answer_json
from quire.domain import Citation, Source

_CREATED = 1_795_219_200  # 2026-11-21, when this dialect was first spoken
_FINISHES = ("stop", "length", "content_filter")


def model_json() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": _CREATED, "owned_by": "quire"}


def completion_json(answer: Answer, *, base_url: str) -> dict[str, Any]:
    """`base_url` is where the cited documents are, without a slash at its end."""
    outcome = answer.end.outcome
    message = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        "annotations": _annotations(outcome, base_url),
    }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _finish_reason(outcome),
    }
    return {
        **_about(outcome.message, "chat.completion"),
        "choices": [choice],
        "usage": _usage(outcome),
        "quire": _quire(answer),
    }


async def frames(
    events: AsyncIterator[Event],
    *,
    message: UUID,
    base_url: str,
    include_usage: bool,
    problem: Callable[[Exception], dict[str, Any]],
) -> AsyncIterator[bytes]:
    """The events as chunks, in bytes. An error ends the stream, in the shape `problem` gives it.

    The last chunk with a choice has its finish reason, the annotations and `quire`.
    """
    about = _about(message, "chat.completion.chunk")
    usage = {"usage": None} if include_usage else {}

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _frame({**about, "choices": [choice], **usage, **more})

    sources: Sequence[Source] = ()
    try:
        async for event in events:
            match event:
                case RetrievalStart():
                    yield chunk({"role": "assistant", "content": "", "refusal": None})
                case RetrievalComplete():
                    sources = event.sources
                case ResponseChunk():
                    yield chunk({"content": event.text})
                case ResponseComplete() | Incomplete():
                    yield chunk(
                        {"annotations": _annotations(event.outcome, base_url)},
                        _finish_reason(event.outcome),
                        quire=_quire(Answer(text="", sources=sources, end=event)),
                    )
                    if include_usage:
                        yield _frame({**about, "choices": [], "usage": _usage(event.outcome)})
        yield b"data: [DONE]\n\n"
    except Exception as error:
        yield _frame(problem(error))


def _about(message: UUID, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{message}",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL,
    }


def _annotations(outcome: Outcome, base_url: str) -> list[dict[str, Any]]:
    """The citations that have an address: the caller's own selection has none."""
    return [
        {"type": "url_citation", "url_citation": _url_citation(citation, base_url)}
        for citation in outcome.citations
        if citation.source.document is not None
    ]


def _url_citation(citation: Citation, base_url: str) -> dict[str, Any]:
    source = citation.source
    span = f"version={source.version}&start={citation.start}&end={citation.end}"
    return {
        "start_index": citation.answer_start,
        "end_index": citation.answer_end,
        "title": source.title,
        "url": f"{base_url}/v1/documents/{source.document}/text?{span}",
    }


def _finish_reason(outcome: Outcome) -> str:
    """One of those that clients know; `quire` says what cut an answer short."""
    return outcome.finish_reason if outcome.finish_reason in _FINISHES else "stop"


def _usage(outcome: Outcome) -> dict[str, Any]:
    usage = outcome.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _quire(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer_json(answer).items() if name != "answer"}


def _frame(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
