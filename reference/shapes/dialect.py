"""Completions in OpenAI's dialect, with what OpenAI has no word for under `quire`."""

import json
from typing import Any, Literal

from pydantic import RootModel

from reference.shapes import Shape, sometimes
from reference.shapes.answers import (
    ANSWER,
    DOCUMENT_ID,
    MESSAGE_ID,
    Answer,
    Chunk,
    Citation,
    Outcome,
)
from reference.shapes.problems import OpenAIError

FinishReason = Literal["stop", "length", "content_filter"]

_CREATED = 1_795_219_200
_SPAN = "version=1&start={start}&end={end}".format(**Citation.example)
_ANNOTATION = {
    "type": "url_citation",
    "url_citation": {
        "start_index": Citation.example["answer_start"],
        "end_index": Citation.example["answer_end"],
        "title": Citation.example["title"],
        "url": f"https://api.example.com/v1/documents/{DOCUMENT_ID}/text?{_SPAN}",
    },
}
_ABOUT = {"id": f"chatcmpl-{MESSAGE_ID}", "created": _CREATED, "model": "quire"}
_TURN = {name: value for name, value in Answer.example.items() if name != "answer"}


class Model(Shape):
    """What answers."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str

    example = {"id": "quire", "object": "model", "created": _CREATED, "owned_by": "quire"}


class ModelList(Shape):
    """There is one."""

    object: Literal["list"]
    data: list[Model]

    example = {"object": "list", "data": [Model.example]}


class UrlCitation(Shape):
    """A statement, from `start_index` to `end_index`, and where the words are that prove it."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(Shape):
    type: Literal["url_citation"]
    url_citation: UrlCitation


class CompletionMessage(Shape):
    role: Literal["assistant"]
    content: str
    refusal: str | None
    annotations: list[Annotation]


class Choice(Shape):
    index: int
    message: CompletionMessage
    logprobs: Any
    finish_reason: FinishReason


class PromptTokensDetails(Shape):
    cached_tokens: int


class CompletionUsage(Shape):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class Turn(Outcome):
    """All of Quire's own answer but its text."""

    sources: list[Chunk]
    incomplete: Literal["stopped", "deadline", "model"] = sometimes()


class ChatCompletion(Shape):
    """An answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    quire: Turn

    example = {
        **_ABOUT,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": ANSWER,
                    "refusal": None,
                    "annotations": [_ANNOTATION],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 512,
            "completion_tokens": 21,
            "total_tokens": 533,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "quire": _TURN,
    }


class Delta(Shape):
    """What is new."""

    role: Literal["assistant"] = sometimes()
    content: str = sometimes()
    refusal: str | None = sometimes()
    annotations: list[Annotation] = sometimes()


class ChunkChoice(Shape):
    index: int
    delta: Delta
    logprobs: Any
    finish_reason: FinishReason | None


class ChatCompletionChunk(Shape):
    """A piece of an answer; the last one with a choice has the annotations and `quire`."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | None = sometimes()
    quire: Turn = sometimes()


def _piece(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**_ABOUT, "object": "chat.completion.chunk", "choices": [choice], **more}


class CompletionEvent(RootModel[ChatCompletionChunk | OpenAIError]):
    """One line's `data`; after the last chunk comes `[DONE]`, after an error nothing."""


EXAMPLE = "".join(
    f"data: {line}\n\n"
    for line in (
        json.dumps(_piece({"role": "assistant", "content": "", "refusal": None})),
        json.dumps(_piece({"content": ANSWER})),
        json.dumps(_piece({"annotations": [_ANNOTATION]}, "stop", quire=_TURN)),
        "[DONE]",
    )
)
