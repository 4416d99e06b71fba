"""An OIDC issuer on loopback: what it describes itself by, and tokens that it signs."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import Key, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.web_server import WebServer
from tests.conftest import AUDIENCE

ALGORITHM = "RS256"


class Issuing:
    """`asked` counts how often its keys were asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked = 0
        self.calls_itself = url
        self.rotate()

    def rotate(self) -> None:
        """From now on sign with another key; the former is told of no more."""
        self.key = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)

    def sign(
        self, *, key: Key | None = None, header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token that is good for a minute, but for what is said otherwise; None leaves it out."""
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "scope": "openid ask",
            "exp": int(time.time()) + 60,
            **claims,
        }
        given = {name: value for name, value in said.items() if value is not None}
        head = {"alg": ALGORITHM, "kid": self.key.kid, **(header or {})}
        named = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(named, given, key or self.key, algorithms=[str(head["alg"])])

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._describe),
                Route("/keys", self._keys),
            ]
        )

    async def _describe(self, request: Request) -> JSONResponse:
        return JSONResponse({"issuer": self.calls_itself, "jwks_uri": f"{self.url}/keys"})

    async def _keys(self, request: Request) -> JSONResponse:
        self.asked += 1
        return JSONResponse(KeySet([self.key]).as_dict(private=False))


@asynccontextmanager
async def issuing(url: str) -> AsyncIterator[Issuing]:
    """The issuer that listens at a loopback URL."""
    issuer, port = Issuing(url), urlsplit(url).port
    assert port is not None
    server = WebServer(issuer.app(), name="issuer", port=port)
    await server.start()
    yield issuer
    await server.stop()
