"""Values as the wire shows them (the shapes of the API reference)."""

from typing import Any
from uuid import UUID

from functions.chat.events import ResponseComplete
from quire.domain import Citation, Message, Session, Source


def source_json(source: Source) -> dict[str, Any]:
    return {
        "index": source.index,
        **_place(source),
        "filename": source.filename,
        "text": source.text,
        "start": source.start,
        "end": source.end,
        "score": source.score,
    }


def citation_json(citation: Citation) -> dict[str, Any]:
    return {
        "index": citation.index,
        **_place(citation.source),
        "cited_text": citation.cited_text,
        "start": citation.start,
        "end": citation.end,
        "answer_start": citation.answer_start,
        "answer_end": citation.answer_end,
    }


def complete_json(complete: ResponseComplete) -> dict[str, Any]:
    return {
        "grounded": complete.grounded,
        "finish_reason": complete.finish_reason,
        "session_id": str(complete.session),
        "message_id": str(complete.message),
        "persisted": True,
        "cached": False,
        "usage": {
            "prompt_tokens": complete.usage.prompt_tokens,
            "cached_tokens": complete.usage.cached_tokens,
            "completion_tokens": complete.usage.completion_tokens,
            "embedding_tokens": complete.usage.embedding_tokens,
            "cost_usd": complete.cost_usd,
        },
        "timings": dict(complete.timings),
        "model": complete.model,
    }


def session_json(session: Session) -> dict[str, Any]:
    return {
        "id": str(session.id),
        "title": session.title,
        "metadata": session.metadata,
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "last_accessed": session.last_accessed,
        "message_count": session.message_count,
    }


def message_json(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "session_id": str(message.session),
        "role": message.role,
        "content": message.content,
        "citations": list(message.citations),
        "created_at": message.created_at,
    }


def _place(source: Source) -> dict[str, Any]:
    return {
        "chunk_id": _text(source.chunk),
        "document_id": _text(source.document),
        "version": source.version,
        "title": source.title,
        "page": source.page,
        "heading": list(source.heading),
    }


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)
