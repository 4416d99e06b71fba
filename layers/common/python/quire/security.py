"""Who calls: an API key or an issuer's token becomes a caller, looked up once a minute."""

import re
import time
from math import ceil
from typing import Annotated

from cachetools import TTLCache
from pydantic import StringConstraints

from quire.domain import Caller, Scope
from quire.errors import Forbidden, Invalid, TooMany, Unauthenticated, Unavailable
from quire.issuers import Issuers, Vouched
from quire.store.api_keys import ApiKeys, hash_key
from quire.store.users import Users

REMEMBER_SECONDS = 60.0
TRUST_SECONDS = 600.0
_USER_LENGTH = 200
# Beyond ASCII a header's text depends on who decodes it, and so would the user.
_USER = rf"^[ -~]{{1,{_USER_LENGTH}}}$"
UserId = Annotated[str, StringConstraints(pattern=_USER)]
_MOST_CALLERS = 8_192
# Keys that are none, a minute and of one address: who has a key does not guess.
_GUESSES = 120
_NO_KEY = "This API key is not known, has expired or was revoked."
_SHUT_OUT = "This user was shut out."


class Security:
    def __init__(
        self,
        api_keys: ApiKeys,
        users: Users,
        *,
        issuers: Issuers | None = None,
        remember: float = REMEMBER_SECONDS,
        trust: float = TRUST_SECONDS,
    ) -> None:
        """A key or user that was revoked is served for `remember` seconds more, which saves most
        look-ups.

        While there is nobody to ask, who was verified in the last `trust` seconds is served.
        """
        self._api_keys = api_keys
        self._users = users
        self._issuers = issuers
        self._known: TTLCache[object, Caller] = TTLCache(_MOST_CALLERS, remember)
        self._trusted: TTLCache[object, Caller] = TTLCache(_MOST_CALLERS, trust)
        self._guessed: TTLCache[object, int] = TTLCache(_MOST_CALLERS, 60)

    async def identify(
        self, authorization: str | None, *, user: str | None, scopes: tuple[Scope, ...]
    ) -> Caller:
        """The caller, who has to have one of the scopes. Raises as `recognize` does."""
        caller = await self.recognize(authorization, user=user)
        if caller.scopes.isdisjoint(scopes):
            named = " or ".join(f"'{scope}'" for scope in scopes)
            raise Forbidden(f"This key lacks the scope {named}.")
        return caller

    async def recognize(
        self, authorization: str | None, *, user: str | None, address: str | None = None
    ) -> Caller:
        """The caller behind an `Authorization` header, as `user` if one is named.

        From an `address` that has sent too many keys in vain, none is looked up that was not
        verified lately. Raises Unauthenticated, Forbidden, Invalid, TooMany, Unavailable.
        """
        credential = _bearer(authorization)
        if user is not None and not re.fullmatch(_USER, user):
            raise Invalid(f"A user is 1 to {_USER_LENGTH} ASCII characters.", field="Quire-User")
        if self._issuers and self._issuers.made(credential):
            vouched = await self._issuers.verify(credential)
            if user is not None:
                raise Forbidden("A token is its own user's; leave out Quire-User.")
            return await self._admitted(vouched)
        return await self._holder(credential, user, address)

    async def _holder(self, key: str, user: str | None, address: str | None) -> Caller:
        """Whose key that is."""
        known = (hash_key(key), user)
        if caller := self._known.get(known):
            return caller
        minute, second = divmod(time.monotonic(), 60)
        guesses = (address, minute) if address else None
        if self._guessed.get(guesses, 0) >= _GUESSES and known not in self._trusted:
            raise TooMany(
                "Too many unknown keys came from this address; wait for a minute.",
                code="rate_limit_exceeded",
                retry_after=ceil(60 - second),
            )
        try:
            found = await self._api_keys.find(key, user=user)
        except Unavailable:
            if caller := self._trusted.get(known):
                return caller
            raise
        if found is None:
            self._trusted.pop(known, None)
            if guesses:
                self._guessed[guesses] = self._guessed.get(guesses, 0) + 1
            raise Unauthenticated(_NO_KEY)
        caller, speaks_for_users, revoked = found
        if user is not None and not speaks_for_users:
            raise Forbidden("This key may not speak for users; leave out Quire-User.")
        if revoked:
            self._trusted.pop(known, None)
            raise Unauthenticated(_SHUT_OUT)
        self._known[known] = self._trusted[known] = caller
        return caller

    async def _admitted(self, vouched: Vouched) -> Caller:
        """Whom an issuer vouches for, unless we shut them out."""
        caller = Caller(vouched.tenant, vouched.user, vouched.scopes)
        if not re.fullmatch(_USER, caller.user):
            raise Unauthenticated("This token names no user that we could tell from others.")
        if caller in self._known:
            return caller
        try:
            may_call = await self._users.may_call(caller.tenant, caller.user)
        except Unavailable:
            if caller in self._trusted:
                return caller
            raise
        if not may_call:
            self._trusted.pop(caller, None)
            raise Unauthenticated(_SHUT_OUT)
        self._known[caller] = self._trusted[caller] = caller
        return caller


def _bearer(authorization: str | None) -> str:
    scheme, _, credential = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Unauthenticated("Send your API key as 'Authorization: Bearer …'.")
    return credential.strip()
