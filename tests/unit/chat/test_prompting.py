from datetime import UTC, datetime
from uuid import uuid4

from functions.chat.prompting import HISTORY_TOKENS, answer_prompt, selection_prompt
from quire.domain import Message, Role, Source

SESSION = uuid4()


def message(role: Role, content: str) -> Message:
    return Message(
        id=uuid4(), session=SESSION, role=role, content=content, created_at=datetime.now(UTC)
    )


def source(**fields: object) -> Source:
    values = {"index": 1, "text": "Gears wear.", "start": 0, "end": 11, "score": 1.0, "title": "T"}
    return Source(**{**values, **fields})  # type: ignore[arg-type]


def test_sources_are_numbered_and_named() -> None:
    prompt = answer_prompt("Why?", [source(title='A "B"', heading=("C", "D"))], [])
    asked = prompt.messages[-1]["content"]
    assert '<passage index="1" title=\'A "B"\' heading="C › D">\nGears wear.\n</passage>' in asked
    assert asked.endswith("Question: Why?")


def test_history_comes_between_newest_kept() -> None:
    history = [message("user", "old"), message("assistant", "x " * HISTORY_TOKENS)]
    history += [message("user", "new"), message("assistant", "answer")]
    roles = [m["content"] for m in answer_prompt("Why?", [source()], history).messages[1:-1]]
    assert roles == ["new", "answer"]


def test_a_selection_is_alone() -> None:
    prompt = selection_prompt("Why?", "Only this.")
    assert len(prompt.messages) == 2
    assert "Only this." in prompt.messages[1]["content"]


def test_the_hash_tells_templates_apart() -> None:
    answer, selection = answer_prompt("Why?", [source()], []), selection_prompt("Why?", "x")
    assert answer.hash != selection.hash
    assert answer.hash == answer_prompt("Else?", [source(title="U")], []).hash
