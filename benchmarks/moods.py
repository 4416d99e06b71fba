"""How the instant model answers when it is not well: one of `MOODS`, set by `POST /mood`."""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Any

from benchmarks.instant_answer import events

MOODS = ("429", "500", "half a stream", "garbage", "silence")
HANG_UP = "hang up"
_REFUSED = {
    "429": b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\n",
    "500": b"HTTP/1.1 500 Internal Server Error\r\n",
}
_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
_GARBAGE = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 24\r\n\r\n"
_HALF = 20  # events


def spoil(
    transport: asyncio.Transport, mood: str, asked: Mapping[str, Any], *, chats: bool
) -> bool:
    """Answer as the mood is; whether it did, or never will."""
    if mood in _REFUSED:
        transport.write(_REFUSED[mood] + b"content-length: 2\r\n\r\n{}")
    elif mood == "half a stream" and chats:
        transport.write(_STREAM + b"".join(islice(events(asked), _HALF)))
        transport.close()
    elif mood == "garbage":
        transport.write(_GARBAGE + b'<html>\ndata: {"choices":')
    elif mood == HANG_UP:
        transport.close()
    elif mood != "silence":
        return False
    return True
