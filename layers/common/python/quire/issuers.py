"""Tokens (JWTs) of OIDC issuers: whom they vouch for, once their signature and claims hold.

https://openid.net/specs/openid-connect-discovery-1_0.html, RFC 7519, RFC 8725
"""

import asyncio
import binascii
import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import httpx

from quire.domain import Issuer, Scope
from quire.errors import Unauthenticated, Unavailable
from quire.observability import log
from quire.tls import tls_context

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

KEEP_SECONDS = 600.0
_FETCH_SECONDS = 3.0
ASK_AGAIN_SECONDS = 30.0
# Sooner, where no key is known at all.
_ASK_FIRST_SECONDS = 2.0
# While the issuer is gone, its keys are what they were.
_STALE_SECONDS = 3_600.0
_LEEWAY_SECONDS = 30
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
_DISCOVERY = "/.well-known/openid-configuration"
_TROUBLES = (httpx.HTTPError, TimeoutError, LookupError, TypeError, ValueError)
_WRONG = "This token is not valid here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    tenant: str
    user: str
    scopes: frozenset[Scope]


class Issuers:
    def __init__(
        self,
        trusted: Sequence[Issuer],
        *,
        keep: float = KEEP_SECONDS,
        ask_again: float = ASK_AGAIN_SECONDS,
    ) -> None:
        """`keep` in seconds is how long an issuer's keys are not asked for again.

        An unknown one is looked for every `ask_again` seconds at most, whoever makes them up.
        """
        self._http = httpx.AsyncClient(timeout=_FETCH_SECONDS, verify=tls_context())
        self._trusted = {one.issuer: one for one in trusted}
        self._keys = {
            one: _Keys(one, self._http, keep=keep, ask_again=ask_again) for one in self._trusted
        }

    def made(self, credential: str) -> bool:
        """Whether a credential looks like a token and not like a key of ours."""
        return bool(self._trusted) and _TOKEN.fullmatch(credential) is not None

    async def verify(self, token: str) -> Vouched:
        """Raises Unauthenticated, and Unavailable when its issuer's keys are not to be had."""
        # Imported late: whoever trusts no issuer need not wait for it at a cold start.
        from joserfc import jwt
        from joserfc.errors import ExpiredTokenError, JoseError

        header, claims = _unverified(token)
        issuer = self._trusted.get(str(claims.get("iss")))
        if issuer is None:
            raise Unauthenticated("This token's issuer is not trusted here.")
        keys = await self._keys[issuer.issuer].having(header.get("kid"))
        try:
            verified = jwt.decode(token, keys, algorithms=list(issuer.algorithms))
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": issuer.issuer},
                aud={"essential": True, "value": issuer.audience},
                exp={"essential": True},
                sub={"essential": True},
            ).validate(verified.claims)
        except ExpiredTokenError as error:
            raise Unauthenticated("This token has expired.") from error
        # The library tells of some malformed values in Python's own words.
        except (JoseError, ValueError, TypeError, LookupError) as error:
            raise Unauthenticated(_WRONG) from error
        return _vouched(issuer, verified.claims)

    async def close(self) -> None:
        await self._http.aclose()


class _Keys:
    """An issuer's public keys, asked for when they are old or lack one."""

    def __init__(
        self, issuer: str, http: httpx.AsyncClient, *, keep: float, ask_again: float
    ) -> None:
        self._issuer = issuer
        self._http = http
        self._keep = keep
        self._ask_again = ask_again
        self._asking = asyncio.Lock()
        self._keys: KeySet | None = None
        self._fetched = self._asked = float("-inf")

    async def having(self, kid: object) -> "KeySet":
        """All of them, that one too if there is one. Raises Unavailable."""
        async with self._asking:
            now = time.monotonic()
            old = now - self._fetched > self._keep
            lacking = self._keys is None or all(key.kid != kid for key in self._keys)
            pause = _ASK_FIRST_SECONDS if self._keys is None else self._ask_again
            if (old or lacking) and now - self._asked > pause:
                self._asked = now
                await self._fetch(now)
            if self._keys is None or now - self._fetched > max(_STALE_SECONDS, self._keep):
                raise Unavailable("issuer")
            return self._keys

    async def _fetch(self, now: float) -> None:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                described = await self._get(self._issuer.rstrip("/") + _DISCOVERY)
                if described["issuer"] != self._issuer:
                    raise ValueError("it calls itself otherwise")
                keys = await self._get(described["jwks_uri"])
            self._keys = KeySet.import_key_set(keys)
            self._fetched = now
        except (*_TROUBLES, JoseError) as error:
            log.warning("an issuer's keys were not to be had", issuer=self._issuer, exc_info=error)

    async def _get(self, url: str) -> Any:
        return (await self._http.get(url)).raise_for_status().json()


def _unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What a token says of itself: by that its keys are found, and nothing is decided."""
    try:
        header, claims, signature = map(_decoded, token.split("."))
        read = json.loads(header), json.loads(claims)
    except (ValueError, RecursionError) as error:
        raise Unauthenticated(_WRONG) from error
    if not signature or not all(isinstance(part, dict) for part in read):
        raise Unauthenticated(_WRONG)
    return read


def _decoded(part: str) -> bytes:
    """Only as it is written by whoever signs: what decodes to the same is another token."""
    decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise binascii.Error("not as it is written")
    return decoded


def _vouched(issuer: Issuer, claims: Mapping[str, Any]) -> Vouched:
    tenant = issuer.tenant or claims.get(issuer.tenant_claim or "")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise Unauthenticated("This token names no tenant.")
    # Keys call as such users, and those are not an issuer's to name.
    if claims["sub"].startswith("key:"):
        raise Unauthenticated(_WRONG)
    scopes = issuer.scopes
    if issuer.scope_claim is not None:
        listed = claims.get(issuer.scope_claim, ())
        listed = listed.split() if isinstance(listed, str) else listed
        scopes &= _SCOPES.intersection(s for s in listed if isinstance(s, str))
    return Vouched(tenant=tenant, user=claims["sub"], scopes=scopes)
