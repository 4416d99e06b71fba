from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from functions.chat.exporting import as_markdown
from quire.domain import Message, Role, Session

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CITATION = {
    "index": 2,
    "title": "Gears",
    "heading": ["Gears", "Oil"],
    "page": 7,
    "cited_text": "Grease it.\nOften.",
}


def session(title: str | None) -> Session:
    return Session(
        id=uuid4(),
        title=title,
        metadata={},
        created_at=NOON,
        updated_at=NOON,
        last_accessed=NOON,
        message_count=2,
    )


def message(role: Role, content: str, **more: Any) -> Message:
    return Message(id=uuid4(), session=uuid4(), role=role, content=content, created_at=NOON, **more)


def test_citations_are_quoted_under_their_numbers() -> None:
    answer = message("assistant", "Often [2].", citations=[CITATION])
    assert as_markdown(session("On\ngears"), [message("user", "How often?"), answer]) == (
        "# On gears\n\n*2026-11-21 12:00 UTC*\n\n"
        "## Question\n\nHow often?\n\n"
        "## Answer\n\nOften [2].\n\n"
        "> **[2]** Gears › Oil, page 7\n>\n> Grease it.\n> Often.\n"
    )


def test_what_is_not_whole_or_was_rated_says_so() -> None:
    failed = message("assistant", "", status="failed")
    rated = message("assistant", "No.", feedback={"rating": "down", "comment": "Not\ntrue."})
    text = as_markdown(session(None), [failed, rated])
    assert text.startswith("# Conversation\n")
    assert "## Answer\n\n*This question was not answered.*\n" in text
    assert text.endswith("No.\n\n*Rated down: Not true.*\n")


def test_what_documents_say_is_no_markdown_of_ours() -> None:
    """Who opens the file fetches nothing by that; a document's own link still leads somewhere."""
    picture = {"title": "![t](https://evil.example/t)", "heading": ["<img src=x>"]}
    said = {"cited_text": "![a](https://evil.example/a)\n<script>b</script> https://a.example/c"}
    answer = message("assistant", "So [2].", citations=[{**CITATION, **picture, **said}])
    text = as_markdown(session("T"), [answer])
    assert "![" not in text
    assert "<img" not in text
    assert "<script" not in text
    assert "https://a.example/c" in text
