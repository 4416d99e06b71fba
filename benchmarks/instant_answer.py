"""What the instant model says: forty tokens, of which the first is the time at which it is said.

Whoever reads it knows how far behind the model they are.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

STAMP = re.compile(r"\d{10}\.\d{6}")
# A sentence as Quire's prompt numbers it, and long enough to be cited.
_CITABLE = re.compile(r"^\[(\d+)\.(\d+)\] .{60}", re.MULTILINE)
_WORDS = (
    "A robot that stands keeps its weight above the ground between its two feet. "
    "That is all it does. "
    "When it walks it falls a little and puts the next foot where it lands. "
    "So it goes on forward."
).split()
# Where a marker takes the place of words.
_MARKED = (15, 35)


def events(asked: Mapping[str, Any]) -> Iterator[bytes]:
    """Server-Sent Events, one a token, and an empty one in the end."""
    tokens = _tokens(asked)
    yield _chunk(asked, {"role": "assistant", "content": "", "refusal": None})
    for token in tokens:
        yield _chunk(asked, {"content": token})
    yield _chunk(asked, {}, "stop")
    yield _event({**_about(asked, "chat.completion.chunk"), "choices": [], "usage": _usage(asked)})
    yield b"data: [DONE]\n\n"
    yield b""


def whole(asked: Mapping[str, Any]) -> bytes:
    message = {"role": "assistant", "content": "".join(_tokens(asked)), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    about = _about(asked, "chat.completion")
    return json.dumps({**about, "choices": [choice], "usage": _usage(asked)}).encode()


def _tokens(asked: Mapping[str, Any]) -> list[str]:
    """A marker is five of them, as real models write it."""
    tokens = [f"{time.time():.6f}", *(f" {word}" for word in _WORDS)]
    if found := _CITABLE.findall(asked["messages"][-1]["content"]):
        for at, (source, sentence) in zip(_MARKED, (found[0], found[-1]), strict=True):
            tokens[at : at + 5] = [" [", source, ".", sentence, "]"]
    return tokens


def _chunk(asked: Mapping[str, Any], delta: Mapping[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return _event({**_about(asked, "chat.completion.chunk"), "choices": [choice], "usage": None})


def _event(data: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def _about(asked: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-instant",
        "object": kind,
        "created": int(time.time()),
        "model": asked["model"],
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _usage(asked: Mapping[str, Any]) -> dict[str, Any]:
    prompt = sum(len(message["content"]) for message in asked["messages"]) // 4
    said = 1 + len(_WORDS)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": prompt + said,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    }
