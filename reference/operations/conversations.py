"""Sessions, their messages, and what the tenant used."""

from reference.operations import Content, Operation, Operations, json
from reference.shapes.answers import ANSWER, QUESTION
from reference.shapes.conversations import (
    MessageList,
    Persona,
    Rated,
    Session,
    SessionExport,
    SessionList,
    Stopping,
    UsageReport,
)

_MARKDOWN = f"""\
# Grease

*2026-11-21 09:30 UTC*

## Question

{QUESTION}

## Answer

{ANSWER}
"""

CONVERSATIONS: Operations = {
    "POST /v1/sessions": Operation(
        summary="Begin a session",
        description="An empty conversation of the user's; a question without one begins one too.",
        asks={"title": QUESTION, "metadata": {"course": "robotics"}},
        answers=json(Session),
    ),
    "GET /v1/sessions": Operation(
        summary="List sessions",
        description="The user's own.",
        answers=json(SessionList),
    ),
    "GET /v1/sessions/{session_id}": Operation(
        summary="Show a session",
        description="Its title, its metadata, and how much was said in it.",
        answers=json(Session),
    ),
    "PATCH /v1/sessions/{session_id}": Operation(
        summary="Change a session",
        description="What is left out stays as it is; metadata is replaced whole.",
        asks={"title": "Grease"},
        answers=json(Session),
    ),
    "DELETE /v1/sessions/{session_id}": Operation(
        summary="Delete a session",
        description="With all that was said in it.",
    ),
    "GET /v1/sessions/{session_id}/messages": Operation(
        summary="List messages",
        description="What was said in a session, the first first.",
        answers=json(MessageList),
    ),
    "GET /v1/sessions/{session_id}/export": Operation(
        summary="Export a session",
        description="A file to keep: JSON for programs, Markdown for people.",
        answers=[
            *json(SessionExport),
            Content(media_type="text/markdown", example=_MARKDOWN),
        ],
        headers=["Content-Disposition"],
        errors=[413],
    ),
    "POST /v1/messages/{message_id}/stop": Operation(
        summary="Stop an answer",
        description="What is written of it by then is kept, as incomplete.",
        answers=json(Stopping),
    ),
    "POST /v1/messages/{message_id}/feedback": Operation(
        summary="Rate an answer",
        description="The user's last word on it counts.",
        asks={"rating": "up", "comment": "Just what I needed."},
        answers=json(Rated),
    ),
    "GET /v1/usage": Operation(
        summary="Show what was used",
        description="Tokens and dollars of the tenant, by day and model, both days included; the "
        "last 30 days unless asked otherwise, 366 at most.",
        answers=json(UsageReport),
    ),
}

PERSONA: Operations = {
    "GET /v1/admin/persona": Operation(
        summary="Show the persona",
        description="The tenant's own words to the model.",
        answers=json(Persona),
    ),
    "PUT /v1/admin/persona": Operation(
        summary="Replace the persona",
        description="What is left out is cleared.",
        asks=Persona.example,
        answers=json(Persona),
    ),
}
