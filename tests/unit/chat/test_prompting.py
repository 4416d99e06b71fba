from datetime import UTC, datetime
from uuid import uuid4

from functions.chat.prompting import (
    HISTORY_TOKENS,
    answer_prompt,
    selection_prompt,
    standalone_prompt,
)
from quire.domain import Message, Persona, Prompt, Role, Source

SESSION = uuid4()


def message(role: Role, content: str) -> Message:
    return Message(
        id=uuid4(), session=SESSION, role=role, content=content, created_at=datetime.now(UTC)
    )


def source(**fields: object) -> Source:
    text = "Gears wear out over time. Motors heat up under load."
    values = {"index": 1, "text": text, "start": 0, "end": len(text), "score": 1.0, "title": "T"}
    return Source(**{**values, **fields})  # type: ignore[arg-type]


def prompt(*sources: Source, history: tuple[Message, ...] = (), **more: object) -> Prompt:
    persona = Persona(**more)  # type: ignore[arg-type]
    return answer_prompt("Why?", sources or [source()], history, persona=persona)


def test_sentences_are_numbered_and_passages_named() -> None:
    asked = prompt(source(title='A "B"', heading=("C", "D"))).messages[-1]["content"]
    assert (
        '<passage index="1" title=\'A "B"\' heading="C › D">\n'
        "[1.1] Gears wear out over time.\n"
        "[1.2] Motors heat up under load.\n"
        "</passage>"
    ) in asked
    assert asked.endswith("Question: Why?")


def test_history_comes_between_newest_kept() -> None:
    history = (
        *(message("user", "old"), message("assistant", "x " * HISTORY_TOKENS)),
        *(message("user", "new"), message("assistant", "answer")),
    )
    roles = [m["content"] for m in prompt(history=history).messages[1:-1]]
    assert roles == ["new", "answer"]


def test_a_selection_is_alone() -> None:
    asked = selection_prompt("Why?", source(text="Only this is what there is."))
    assert len(asked.messages) == 2
    assert "[1.1] Only this is what there is." in asked.messages[1]["content"]


def test_a_persona_speaks_before_the_contract_and_not_instead_of_it() -> None:
    plain = prompt().messages[0]["content"]
    spoken = prompt(name="Ada", instructions="Never cite.", refusal="No idea.").messages[0]
    assert spoken["content"].endswith(plain)
    for words in ("Ada", "Never cite.", "No idea."):
        assert words in spoken["content"]


def test_a_follow_up_comes_with_what_was_said() -> None:
    asked = standalone_prompt("And it?", [message("user", "What is a knee?")]).messages[-1]
    assert "user: What is a knee?" in asked["content"]
    assert asked["content"].endswith("Follow-up: And it?")


def test_the_hash_tells_what_the_system_says() -> None:
    assert prompt().hash != selection_prompt("Why?", source()).hash
    assert prompt().hash == prompt(source(title="U")).hash
    assert prompt().hash != prompt(name="Ada").hash
