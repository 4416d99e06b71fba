"""`Idempotency-Key`: a POST that is sent again is answered again, and happens once.

https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header
"""

import asyncio
import hashlib
from contextlib import suppress
from uuid import UUID, uuid4

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quire.domain import Caller
from quire.errors import Invalid, QuireError, Unavailable
from quire.observability import log
from quire.security import Security
from quire.store.idempotency import IdempotencyKeys, StoredAnswer
from quire.switches import Switchboard
from quire.web.problems import refusal

MOST_KEPT = 2**20  # bytes of an answer
_KEY_LENGTH = 255
# What the same request may be answered otherwise a moment later.
_PASSING = frozenset({401, 403, 409, 429})


class Idempotency:
    """ASGI, beneath `RequestFrame`: keeps the answers to requests with a key, and gives them again.

    Such a request ends, and its answer is kept, whether its client waits for it or not. What it
    tells of a session goes with that, if the route leaves its id in the request's state, `session`.
    While nothing is to be written, what is let in changes nothing, and may happen twice.
    """

    def __init__(
        self, app: ASGIApp, *, security: Security, keys: IdempotencyKeys, switches: Switchboard
    ) -> None:
        self._app = app
        self._security = security
        self._keys = keys
        self._switches = switches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        key = headers.get("idempotency-key")
        if key is None or self._switches.current.read_only:
            return await self._app(scope, receive, send)
        claim = uuid4()
        try:
            caller = await self._security.recognize(
                headers.get("authorization"), user=headers.get("quire-user")
            )
            _check(key)
            body = await Request(scope, receive).body()
            stored = await self._keys.claim(
                caller, key, request_hash=_hash(scope, caller, body), claim=claim
            )
        except QuireError as error:
            return await refusal(scope, error)(scope, receive, send)
        if stored is not None:
            return await _give(stored, send)
        return await self._answer(scope, body, send, caller=caller, key=key, claim=claim)

    async def _answer(
        self, scope: Scope, body: bytes, send: Send, *, caller: Caller, key: str, claim: UUID
    ) -> None:
        """Answer for the first time, and keep the answer before its last byte is sent."""
        answer = _Answer()

        async def send_and_keep(message: Message) -> None:
            answer.add(message)
            if answer.ended:
                await end()
            with suppress(OSError):  # the client is gone; the answer is for its next attempt
                await send(message)

        async def end() -> None:
            state = scope["state"]
            try:
                # A stream that failed on its way may have shown what it cannot show again.
                if "failed" in state or answer.status in _PASSING or answer.status >= 500:
                    await self._keys.release(caller, key, claim=claim)
                else:
                    stored, session = answer.to_store(), state.get("session")
                    await self._keys.keep(caller, key, stored, claim=claim, session=session)
            except Unavailable as error:
                # It has happened, so its client is told; only sent again, it may happen again.
                log.warning("an answer was not kept", exc_info=error)

        try:
            await self._app(scope, _once(body), send_and_keep)
        except Exception:
            with suppress(Unavailable):
                await self._keys.release(caller, key, claim=claim)
            raise


class _Answer:
    """What was sent so far; of a body that is too large or not to be stored, nothing."""

    def __init__(self) -> None:
        self.status = 0
        self.ended = False
        self._headers: list[tuple[str, str]] = []
        self._body: bytearray | None = bytearray()

    def add(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = Headers(raw=list(message.get("headers", ())))
            self._headers = headers.items()
            if "no-store" in headers.get("cache-control", ""):
                self._body = None
        elif message["type"] == "http.response.body":
            self.ended = not message.get("more_body", False)
            if self._body is not None:
                self._body += message.get("body", b"")
                if len(self._body) > MOST_KEPT:
                    self._body = None

    def to_store(self) -> StoredAnswer:
        body = None if self._body is None else bytes(self._body)
        return StoredAnswer(status=self.status, headers=self._headers, body=body)


def _check(key: str) -> None:
    if not (0 < len(key) <= _KEY_LENGTH and key.isascii() and key.isprintable()):
        raise Invalid(
            f"A key is 1 to {_KEY_LENGTH} printable ASCII characters.", field="Idempotency-Key"
        )


def _hash(scope: Scope, caller: Caller, body: bytes) -> bytes:
    """Of all that makes a request the same; what another key may see is another's."""
    scopes = " ".join(sorted(caller.scopes))
    parts = [scope["method"], scope["path"], scope["query_string"].decode("latin-1"), scopes]
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + body).digest()


def _once(body: bytes) -> Receive:
    """The body that was read already; then nothing more, not even that the client went away."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        return await asyncio.Future()

    return receive


async def _give(stored: StoredAnswer, send: Send) -> None:
    headers = [
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in stored.headers),
        (b"idempotent-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": stored.status, "headers": headers})
    await send({"type": "http.response.body", "body": stored.body or b""})
