"""Values as the wire shows them (the shapes of the API reference)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from functions.chat.events import Answer, Incomplete, Outcome
from quire.domain import (
    Citation,
    DailyUsage,
    FormerTurn,
    Message,
    Persona,
    Session,
    Source,
    Usage,
)


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
        "marker_end": citation.marker_end,
    }


def answer_json(answer: Answer) -> dict[str, Any]:
    """An incomplete answer says why it is."""
    reason = {"incomplete": answer.end.reason} if isinstance(answer.end, Incomplete) else {}
    return {
        "answer": answer.text,
        "sources": [source_json(source) for source in answer.sources],
        **outcome_json(answer.end.outcome),
        **reason,
    }


def opening_json(question: str, session: UUID, message: UUID) -> dict[str, Any]:
    return {"question": question, "session_id": str(session), "message_id": str(message)}


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "grounded": outcome.grounded,
        "citations": [citation_json(citation) for citation in outcome.citations],
        "citations_unverified": outcome.unverified,
        "finish_reason": outcome.finish_reason,
        "session_id": str(outcome.session),
        "message_id": str(outcome.message),
        "persisted": outcome.persisted,
        "cached": outcome.cached,
        "hyde": outcome.hyde,
        "degraded": list(outcome.degraded),
        "usage": {
            "prompt_tokens": outcome.usage.prompt_tokens,
            "cached_tokens": outcome.usage.cached_tokens,
            "completion_tokens": outcome.usage.completion_tokens,
            "embedding_tokens": outcome.usage.embedding_tokens,
            "cost_usd": outcome.cost_usd,
        },
        "timings": dict(outcome.timings),
        "model": outcome.model,
    }


def source_from(shown: Mapping[str, Any]) -> Source:
    """The source that `source_json` shows so."""
    return Source(
        index=shown["index"],
        text=shown["text"],
        start=shown["start"],
        end=shown["end"],
        score=shown["score"],
        title=shown["title"],
        heading=tuple(shown["heading"]),
        page=shown["page"],
        filename=shown["filename"],
        chunk=_id(shown["chunk_id"]),
        document=_id(shown["document_id"]),
        version=shown["version"],
    )


def citation_from(shown: Mapping[str, Any], source: Source) -> Citation:
    """The citation of that source that `citation_json` shows so."""
    return Citation(
        index=shown["index"],
        source=source,
        cited_text=shown["cited_text"],
        start=shown["start"],
        end=shown["end"],
        answer_start=shown["answer_start"],
        answer_end=shown["answer_end"],
        marker_end=shown["marker_end"],
    )


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
        "status": message.status,
        "created_at": message.created_at,
        "feedback": message.feedback,
    }


def persona_json(persona: Persona) -> dict[str, Any]:
    return {
        "name": persona.name,
        "instructions": persona.instructions,
        "refusal": persona.refusal,
    }


def usage_json(daily: Sequence[DailyUsage]) -> dict[str, Any]:
    """Per day and model, and in all."""
    return {
        "data": [{"day": one.day, "model": one.model, **_sums([one])} for one in daily],
        "total": _sums(daily),
    }


def replay_json(former: FormerTurn, answer: Answer) -> dict[str, Any]:
    """`same` is true when nothing of it is different."""
    was = {
        "status": former.status,
        "answer": former.content,
        "model": former.model,
        "prompt_hash": former.prompt_hash,
        "citations": list(former.citations),
        "sources": [source["chunk_id"] for source in former.sources or ()],
    }
    outcome = answer.end.outcome
    now = {
        "status": "incomplete" if isinstance(answer.end, Incomplete) else "complete",
        "answer": answer.text,
        "model": outcome.model,
        "prompt_hash": answer.prompt_hash,
        "citations": [citation_json(citation) for citation in outcome.citations],
        "sources": [_text(source.chunk) for source in answer.sources],
    }
    return {"message_id": str(former.message), "was": was, "now": now, "same": was == now}


def _sums(daily: Sequence[DailyUsage]) -> dict[str, Any]:
    return {
        "requests": sum(one.requests for one in daily),
        **asdict(sum((one.usage for one in daily), Usage())),
        "cost_usd": sum(one.cost_usd for one in daily),
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


def _id(shown: str | None) -> UUID | None:
    return UUID(shown) if shown else None


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)
