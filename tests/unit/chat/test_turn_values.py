import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from functions.chat.turn import Question, title_of
from quire.domain import Message
from quire.retrieval.filters import Filters

SESSION = uuid4()


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Why?", "Why?"),
        ("  Why\n\tnot? ", "Why not?"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("word " * 16, ("word " * 16).strip()),
        ("word " * 17, "word " * 15 + "word…"),
        ("one, " * 20, "one, " * 15 + "one…"),
        ("A " + "长" * 100, "A " + "长" * 77 + "…"),
    ],
)
def test_a_title_is_one_line_cut_between_words(question: str, title: str) -> None:
    assert title_of(question) == title
    assert len(title_of(question)) <= 80


def test_a_question_is_asked_again_from_what_was_kept_of_it() -> None:
    said = Message(
        id=uuid4(), session=SESSION, role="user", content="Hi.", created_at=datetime.now(UTC)
    )
    question = Question(
        text="Why?",
        session=SESSION,
        selected_text="Because.",
        top_k=3,
        temperature=0.5,
        filters=Filters.model_validate(
            {
                "filename": ["a.md"],
                "date": {"since": "2025-01-01"},
                "not": [{"metadata": {"author": ["me"]}}],
            }
        ),
        history=[said],
        instructions="Be brief.",
        max_tokens=9,
    )
    kept = json.loads(json.dumps(question.as_request(7)))
    again = Question.from_request(kept, SESSION)
    assert again.as_request(7) == kept
    assert not again.cache
    assert again.history is not None
    assert [(m.role, m.content) for m in again.history] == [("user", "Hi.")]


def test_a_session_s_own_history_is_not_kept_with_its_questions() -> None:
    kept = Question(text="Why?", session=SESSION).as_request(7)
    assert kept["history"] is None
    assert Question.from_request(kept, SESSION).history is None
    # An empty one is the caller's word that nothing was said before.
    assert Question.from_request({**kept, "history": []}, SESSION).history == []
