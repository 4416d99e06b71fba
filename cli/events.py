"""What a stream tells, as it came over the wire."""

from typing import Any

from httpx_sse import ServerSentEvent

# Events by what is read of them.
_HOLDS = {
    "retrieval_complete": ("sources", list),
    "response_chunk": ("text", str),
    "error": ("problem", dict),
}


def event_of(sent: ServerSentEvent) -> dict[str, Any] | None:
    """None for what is no event of ours."""
    try:
        event = sent.json()
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return None
    name, kind = _HOLDS.get(event["event"], ("event", str))
    return event if isinstance(event.get(name), kind) else None
