"""Qdrant's REST API as plain JSON: https://api.qdrant.tech/api-reference

Not by Qdrant's own client, which makes classes of all that the API knows when it is imported: that
was half of a cold start, and a third of the layer (ADR 24).
"""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic_core import from_json, to_json

from quire.credentials import Credential, Shown, held
from quire.tls import tls_context

_PORT = 6333  # where Qdrant listens, its cloud too, unless a URL says otherwise
# Qdrant hangs up on who was silent for five seconds: one that is older is not used again.
_LIMITS = httpx.Limits(max_keepalive_connections=16, keepalive_expiry=4.0)


class Refused(Exception):
    """An answer that is no success; `retry_after` in seconds, where it asks for a pause."""

    def __init__(self, status: int, retry_after: int | None) -> None:
        super().__init__(f"Qdrant answered {status}.")
        self.status = status
        self.retry_after = retry_after


class _Key(Shown, httpx.Auth):
    pass


class Qdrant:
    def __init__(self, url: str, *, api_key: Credential | str | None, timeout: float) -> None:
        """`timeout` in seconds bounds each request, from its name's look-up to its last byte."""
        self._timeout = timeout
        parts = urlsplit(url.rstrip("/"))
        host = parts.netloc if parts.port else f"{parts.netloc}:{_PORT}"
        self._http = httpx.AsyncClient(
            base_url=parts._replace(netloc=host, path=f"{parts.path}/collections/").geturl(),
            headers={"Content-Type": "application/json"},
            auth=_Key(held(api_key), header="api-key"),
            timeout=timeout,
            limits=_LIMITS,
            verify=tls_context(),
        )

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The result, of a path below /collections/.

        Raises Refused, httpx.TransportError, TimeoutError, and ValueError where the answer is not
        Qdrant's.
        """
        content = None if body is None else to_json(body)
        # httpx bounds each of its steps: of an answer that drips, each drop.
        async with asyncio.timeout(self._timeout):
            answer = await self._http.request(method, path, content=content, params=query or None)
        if not answer.is_success:
            wait = answer.headers.get("retry-after", "")
            raise Refused(answer.status_code, int(wait) if wait.isdigit() else None)
        try:
            return from_json(answer.content)["result"]
        except (LookupError, TypeError) as error:
            raise ValueError("It speaks, but not as Qdrant does.") from error

    async def close(self) -> None:
        await self._http.aclose()
