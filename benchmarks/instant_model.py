"""OpenAI's API at next to no cost: unit vectors made of a hash of the text, and forty tokens.

`python -m benchmarks.instant_model --port 11435 --delay 0.02 --pace 0.01` waits 20 ms for each text
that it embeds, and 10 ms between the tokens that it says.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import typer

from benchmarks.instant_answer import events, whole
from benchmarks.moods import spoil

_STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


@dataclass(slots=True)
class Served:
    """What was embedded, and the mood that it is in (`benchmarks.moods`)."""

    calls: int = 0
    inputs: int = 0
    tokens: int = 0
    mood: str = ""

    def __sub__(self, other: "Served") -> "Served":
        return Served(
            self.calls - other.calls, self.inputs - other.inputs, self.tokens - other.tokens
        )


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as the SDK speaks it: a Content-Length, connections kept alive."""

    def __init__(self, served: Served, *, delay: float, pace: float) -> None:
        self._served = served
        self._delay = delay
        self._pace = pace
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, _ = self._received.partition(b"\r\n\r\n")
        start = len(head) + 4
        end = start + _content_length(bytes(head))
        if len(self._received) < end:
            return
        body = bytes(self._received[start:end])
        del self._received[:end]
        if head.startswith(b"GET"):
            self._answer(json.dumps(asdict(self._served)).encode())
            return
        asked, path = json.loads(body), head.partition(b"\r\n")[0]
        chats = b"/chat/completions" in path
        if b"/mood" in path:
            self._served.mood = asked["mood"]
            self._answer(b"{}")
        elif spoil(self._transport, self._served.mood, asked, chats=chats):
            return
        elif chats:
            self._say(asked)
        else:
            self._embed(asked)

    def _embed(self, asked: dict[str, Any]) -> None:
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        answer, tokens = _embeddings(asked, texts)
        self._served.calls += 1
        self._served.inputs += len(texts)
        self._served.tokens += tokens
        if self._delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self._delay * len(texts), self._answer, answer)
        else:
            self._answer(answer)

    def _say(self, asked: dict[str, Any]) -> None:
        if not asked.get("stream"):
            self._answer(whole(asked))
            return
        self._transport.write(_STREAM)
        loop = asyncio.get_running_loop()
        for number, event in enumerate(events(asked)):
            if self._pace:
                loop.call_later(number * self._pace, self._send, event)
            else:
                self._send(event)

    def _send(self, event: bytes) -> None:
        """Each as a chunk of its own; an empty one ends the answer."""
        self._transport.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def _answer(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        self._transport.write(head.encode() + b"\r\n\r\n" + body)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _embeddings(asked: dict[str, Any], texts: Sequence[Any]) -> tuple[bytes, int]:
    dimensions = asked.get("dimensions") or 1536
    written = _base64 if asked.get("encoding_format") == "base64" else _numbers
    data = ",".join(
        f'{{"object":"embedding","index":{index},"embedding":{written(text, dimensions)}}}'
        for index, text in enumerate(texts)
    )
    tokens = sum(len(text) // 4 + 1 for text in texts)
    usage = f'{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}'
    answer = f'{{"object":"list","model":"{asked["model"]}","data":[{data}],"usage":{usage}}}'
    return answer.encode(), tokens


def _vector(text: Any, dimensions: int) -> "np.ndarray[Any, np.dtype[np.float32]]":
    digest = hashlib.shake_128(str(text).encode()).digest(dimensions)
    # Nothing is negative, so that all are near each other: what is near nothing is not answered.
    vector = np.frombuffer(digest, np.uint8).astype(np.float32)
    return vector / np.float32(np.sqrt(vector @ vector) or 1)


def _base64(text: Any, dimensions: int) -> str:
    return f'"{base64.b64encode(_vector(text, dimensions).tobytes()).decode()}"'


def _numbers(text: Any, dimensions: int) -> str:
    return json.dumps(_vector(text, dimensions).tolist())


async def _serve(port: int, delay: float, pace: float) -> None:
    served = Served()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(served, delay=delay, pace=pace), "127.0.0.1", port
    )
    await server.serve_forever()


def main(port: int = 11435, delay: float = 0.0, pace: float = 0.0) -> None:
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(port, delay, pace))


if __name__ == "__main__":
    typer.run(main)
