"""A turn in OpenAI's words."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from functions.chat.dialect.answers import completion_json, frames
from functions.chat.dialect.errors import error_json
from functions.chat.events import (
    Answer,
    Cited,
    Event,
    Incomplete,
    Outcome,
    ResponseChunk,
    ResponseComplete,
    RetrievalComplete,
    RetrievalStart,
)
from quire.domain import Citation, Source, Usage

SESSION = UUID("01a1ff07-b249-70c6-8bdf-970c8725b362")
MESSAGE = UUID("01a1ff07-b249-70c6-8bdf-970c8725b363")
DOCUMENT = UUID("01a1ff07-b249-70c6-8bdf-970c8725b364")
BASE = "https://quire.example"
TEXT = "Gears wear [1]. So it is selected [2]."


def source(index: int, **more: Any) -> Source:
    return Source(index=index, text="Gears wear.", start=40, end=51, score=1.0, title="T", **more)


def citation(cited: Source, start: int, end: int) -> Citation:
    return Citation(
        index=cited.index,
        source=cited,
        cited_text="Gears wear.",
        start=40,
        end=51,
        answer_start=start,
        answer_end=end,
        marker_end=end + 4,
    )


FOUND, SELECTED = source(1, document=DOCUMENT, version=3, chunk=DOCUMENT), source(2)
SOURCES = [FOUND, SELECTED]
CITATIONS = [citation(FOUND, 0, 10), citation(SELECTED, 16, 33)]


def outcome(finish_reason: str = "stop") -> Outcome:
    return Outcome(
        session=SESSION,
        message=MESSAGE,
        citations=CITATIONS,
        unverified=0,
        model="some-model",
        usage=Usage(
            prompt_tokens=1_000, cached_tokens=400, completion_tokens=100, embedding_tokens=9
        ),
        cost_usd=0.1,
        timings={"model": 7.0},
        finish_reason=finish_reason,
    )


def completion(end: ResponseComplete | Incomplete) -> dict[str, Any]:
    return completion_json(Answer(text=TEXT, sources=SOURCES, end=end), base_url=BASE)


def test_an_answer_is_a_completion_of_the_model_that_was_asked() -> None:
    told = completion(ResponseComplete(outcome=outcome()))
    assert (told["object"], told["model"]) == ("chat.completion", "quire")
    assert told["id"] == f"chatcmpl-{MESSAGE}"
    (choice,) = told["choices"]
    assert choice["message"]["content"] == TEXT
    assert choice["finish_reason"] == "stop"
    assert told["usage"] == {
        "prompt_tokens": 1_000,
        "completion_tokens": 100,
        "total_tokens": 1_100,
        "prompt_tokens_details": {"cached_tokens": 400},
    }


def test_a_citation_is_an_annotation_where_it_has_an_address() -> None:
    told = completion(ResponseComplete(outcome=outcome()))
    assert told["choices"][0]["message"]["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 0,
                "end_index": 10,
                "title": "T",
                "url": f"{BASE}/v1/documents/{DOCUMENT}/text?version=3&start=40&end=51",
            },
        }
    ]
    assert len(told["quire"]["citations"]) == 2


def test_all_else_is_under_quire() -> None:
    quire = completion(ResponseComplete(outcome=outcome()))["quire"]
    assert "answer" not in quire
    assert (quire["session_id"], quire["message_id"]) == (str(SESSION), str(MESSAGE))
    assert [shown["index"] for shown in quire["sources"]] == [1, 2]
    assert (quire["model"], quire["usage"]["cost_usd"]) == ("some-model", 0.1)
    assert {"grounded", "persisted", "cached", "degraded", "timings"} <= quire.keys()
    assert "incomplete" not in quire


def test_an_incomplete_answer_says_why() -> None:
    told = completion(Incomplete(reason="deadline", outcome=outcome("length")))
    assert told["choices"][0]["finish_reason"] == "length"
    assert told["quire"]["incomplete"] == "deadline"


@pytest.mark.parametrize(
    ("models", "finish"),
    [("length", "length"), ("content_filter", "content_filter"), ("?", "stop")],
)
def test_a_reason_to_finish_is_one_that_clients_know(models: str, finish: str) -> None:
    told = completion(ResponseComplete(outcome=outcome(models)))
    assert told["choices"][0]["finish_reason"] == finish


async def chunks(*, fails: bool = False, include_usage: bool = False) -> list[Any]:
    async def events() -> AsyncIterator[Event]:
        yield RetrievalStart(question="Why?", session=SESSION, message=MESSAGE)
        yield RetrievalComplete(sources=SOURCES)
        yield ResponseChunk(text="Gears wear [1].")
        yield Cited(citation=CITATIONS[0])
        if fails:
            raise ValueError("nobody's business")
        yield ResponseChunk(text=" So it is.")
        yield ResponseComplete(outcome=outcome())

    told = frames(
        events(),
        message=MESSAGE,
        base_url=BASE,
        include_usage=include_usage,
        problem=lambda _: {"error": {"message": "Sorry."}},
    )
    lines = [frame.decode() async for frame in told]
    assert all(line.startswith("data: ") and line.endswith("\n\n") for line in lines)
    data = [line[6:].strip() for line in lines]
    return [line if line == "[DONE]" else json.loads(line) for line in data]


async def test_a_stream_ends_with_what_it_came_to() -> None:
    *told, last, done = await chunks()
    assert done == "[DONE]"
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in told)
    assert text == "Gears wear [1]. So it is."
    assert {chunk["id"] for chunk in [*told, last]} == {f"chatcmpl-{MESSAGE}"}
    assert [chunk["choices"][0]["finish_reason"] for chunk in told] == [None] * len(told)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert len(last["choices"][0]["delta"]["annotations"]) == 1
    whole = completion(ResponseComplete(outcome=outcome()))
    assert last["quire"] == whole["quire"]
    assert not any("usage" in chunk for chunk in told)


async def test_usage_comes_last_where_it_is_asked_for() -> None:
    *told, usage, _ = await chunks(include_usage=True)
    assert all(chunk["usage"] is None for chunk in told)
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 1_100


async def test_an_error_is_the_last_that_is_told() -> None:
    told = await chunks(fails=True)
    assert told[-1] == {"error": {"message": "Sorry."}}
    assert "[DONE]" not in told


@pytest.mark.parametrize(
    ("problem", "status", "error"),
    [
        (
            {"status": 422, "code": "unknown_field", "errors": [{"field": "tools"}]},
            400,
            ("invalid_request_error", "tools", "unsupported_parameter"),
        ),
        (
            {"status": 422, "errors": [{"field": "messages.0.content.1.type"}]},
            400,
            ("invalid_request_error", "messages[0].content[1].type", "invalid_value"),
        ),
        (
            {"status": 422, "errors": [{"field": "body"}]},
            400,
            ("invalid_request_error", None, "invalid_value"),
        ),
        ({"status": 400}, 400, ("invalid_request_error", None, None)),
        ({"status": 401}, 401, ("invalid_request_error", None, "invalid_api_key")),
        ({"status": 429}, 429, ("rate_limit_error", None, "rate_limit_exceeded")),
        ({"status": 503}, 503, ("server_error", None, "service_unavailable")),
        ({"status": 500}, 500, ("server_error", None, None)),
    ],
)
def test_a_problem_is_an_error_that_openais_clients_know(
    problem: dict[str, Any], status: int, error: tuple[str, str | None, str | None]
) -> None:
    kind, param, code = error
    told = {"message": "Sorry.", "type": kind, "param": param, "code": code}
    assert error_json({"detail": "Sorry.", **problem}) == (status, {"error": told})
