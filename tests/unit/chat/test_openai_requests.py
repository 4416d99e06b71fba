"""What a chat completion asks for, and what it cannot ask for."""

from typing import Any

import pytest
from pydantic import ValidationError

from functions.chat.dialect.requests import CompletionBody, to_question
from functions.chat.turn import Question, cache_key
from quire.errors import Invalid, NotFound

SESSION = "01a1ff07-b249-70c6-8bdf-970c8725b362"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def asked(*messages: dict[str, Any], **more: Any) -> Question:
    body = {"model": "quire", "messages": messages or [user("Why?")], **more}
    return to_question(CompletionBody.model_validate(body | {"messages": list(body["messages"])}))


def test_the_last_message_is_the_question() -> None:
    question = asked(user("  Why do joints creak? "))
    assert question.text == "Why do joints creak?"
    assert (question.history, question.instructions, question.session) == (None, "", None)


def test_parts_of_text_are_joined() -> None:
    parts = [{"type": "text", "text": "Why?"}, {"type": "text", "text": "In brief."}]
    assert asked(user(parts)).text == "Why?\nIn brief."


def test_what_was_said_before_is_history() -> None:
    question = asked(
        user("Why?"), {"role": "assistant", "content": "Wear."}, user("And the grease?")
    )
    assert [(m.role, m.content) for m in question.history or ()] == [
        ("user", "Why?"),
        ("assistant", "Wear."),
    ]
    assert question.text == "And the grease?"


def test_our_own_answers_come_back_as_they_went_out() -> None:
    answer = {"role": "assistant", "content": "Wear.", "refusal": None, "annotations": [{"a": 1}]}
    assert len(asked(user("Why?"), answer, user("And?")).history or ()) == 2


def test_the_system_gives_instructions() -> None:
    question = asked(
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Speak of robots."},
        user("Why?"),
    )
    assert question.instructions == "Be brief.\n\nSpeak of robots."
    assert question.history is None, "instructions are no conversation"


def test_only_a_question_without_history_can_be_cached() -> None:
    alone = asked(user("Why?"))
    told = asked(user("So?"), {"role": "assistant", "content": "Yes."}, user("Why?"))
    assert cache_key("Why?", alone, model="m") is not None
    assert cache_key("Why?", told, model="m") is None


def test_what_is_quires_own_is_under_its_name() -> None:
    question = asked(
        quire={"session_id": SESSION, "top_k": 3, "cache": False, "filters": {"filename": ["a.md"]}}
    )
    assert (str(question.session), question.top_k, question.cache) == (SESSION, 3, False)
    assert question.filters.filename == ["a.md"]
    assert asked(quire={"selected_text": "Some words."}).selected_text == "Some words."


def test_a_session_may_be_instructed() -> None:
    system = {"role": "system", "content": "Be brief."}
    question = asked(system, user("Why?"), quire={"session_id": SESSION})
    assert (question.instructions, question.history) == ("Be brief.", None)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_tokens_have_two_names(name: str) -> None:
    assert asked(**{name: 64}).max_tokens == 64


def test_null_is_as_good_as_left_out() -> None:
    question = asked(temperature=None, tools=None, stop=None, max_tokens=None, quire=None)
    assert (question.temperature, question.max_tokens) == (None, None)
    assert asked(quire={"top_k": None, "cache": False, "filters": None}).top_k == 8


@pytest.mark.parametrize(
    ("messages", "more", "field"),
    [
        ([user("Why?"), {"role": "assistant", "content": "Wear."}], {}, "messages.1.role"),
        ([{"role": "system", "content": "Be brief."}], {}, "messages.0.role"),
        ([user(" \n ")], {}, "messages.0.content"),
        ([user("\u200b\ufe0f\u202e")], {}, "messages.0.content"),
        ([user([])], {}, "messages.0.content"),
        ([user("x" * 2_001)], {}, "messages.0.content"),
        ([{"role": "system", "content": "x" * 2_001}, user("Why?")], {}, "messages"),
        ([user("So?"), user("Why?")], {"quire": {"session_id": SESSION}}, "messages"),
        ([user("Why?")], {"stream_options": {"include_usage": True}}, "stream_options"),
        ([user("Why?")], {"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
    ],
)
def test_what_makes_no_question_is_refused_by_name(
    messages: list[dict[str, Any]], more: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        asked(*messages, **more)
    assert refused.value.field == field


def test_a_session_that_is_none_is_not_there() -> None:
    with pytest.raises(NotFound):
        asked(quire={"session_id": "nope"})


IMAGE = {"type": "image_url", "image_url": {"url": "data:,"}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [user([IMAGE])]}, "messages.0.content.0.type"),
        ({"messages": [user("nul \0")]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [user("x") | {"name": "Ada"}]}, "messages.0.name"),
        ({"temperature": 1.1}, "temperature"),
        ({"n": 2}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        ({"quire": {"hyde": "perhaps"}}, "quire.hyde"),
        ({"quire": {"top_k": 17}}, "quire.top_k"),
        ({"quire": {"selected_text": ""}}, "quire.selected_text"),
        ({"quire": {"question": "x"}}, "quire.question"),
        *(
            ({name: value}, name)
            for name, value in {
                "tools": [],
                "tool_choice": "none",
                "functions": [],
                "stop": "x",
                "logprobs": True,
                "top_p": 0.5,
                "seed": 1,
                "presence_penalty": 1.0,
                "logit_bias": {},
                "store": True,
                "modalities": ["audio"],
                "web_search_options": {},
            }.items()
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        CompletionBody.model_validate({"model": "quire", "messages": [user("Why?")], **body})
    assert ".".join(map(str, refused.value.errors()[0]["loc"])) == field
