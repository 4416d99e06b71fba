"""Whom the app lets in, before anything of a request is done: by switches, by limits, by load.

RateLimit headers: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10
"""

import re
from math import ceil
from typing import NoReturn

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quire.domain import Caller
from quire.errors import Closed, Forbidden, Overloaded, QuireError, TooMany, Unavailable
from quire.observability import bind, log
from quire.security import Security
from quire.store.limits import MINUTE, Allowance, Bucket, RateLimits
from quire.switches import Switchboard, Switches
from quire.web.door import Door
from quire.web.edge import Edge
from quire.web.problems import refusal

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_RATE = "rate_limit_exceeded"
_QUOTA = "insufficient_quota"


class Admission:
    """ASGI, beneath `RequestFrame`: every request of a caller is counted, and may be too many.

    Without a key there is nobody to count for: the routes see to those. While PostgreSQL is gone,
    or nothing is to be written, nothing is counted and nobody refused: what is left to be answered
    then is little enough.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        security: Security,
        limits: RateLimits,
        switches: Switchboard,
        spending: re.Pattern[str],
        changeless: re.Pattern[str],
        door: Door,
        edge: Edge,
    ) -> None:
        """A POST whose path is `spending` takes of a day's tokens and dollars; one whose path is
        `changeless` only asks.

        The `door` is where it waits while there is too much to do; the `edge` is what may be in
        front of this app, and knows whence a request comes.
        """
        self._app = app
        self._security = security
        self._limits = limits
        self._switches = switches
        self._spending = spending
        self._changeless = changeless
        self._door = door
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        try:
            self._edge.check(scope)
            place = await self._door.enter()
        except (Forbidden, Overloaded) as error:
            return await refusal(scope, error)(scope, receive, send)
        with place:
            # What outlasts its request takes it along.
            scope["state"]["place"] = place
            return await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, told = Headers(scope=scope), list[tuple[bytes, bytes]]()

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *told]
            await send(message)

        scope["state"]["streams"] = None
        if authorization := headers.get("authorization"):
            try:
                caller = await self._security.recognize(
                    authorization,
                    user=headers.get("quire-user"),
                    address=self._edge.address(scope),
                )
                bind(tenant=caller.tenant)
                switches = await self._switches.read()
                self._check_switches(scope, caller, switches)
                if not switches.read_only and (allowance := await self._take(caller)):
                    told += _headers(allowance)
                    scope["state"]["streams"] = allowance.streams
                    self._check(scope, allowance)
            except QuireError as error:
                return await refusal(scope, error)(scope, receive, send_with_limits)
        return await self._app(scope, receive, send_with_limits)

    def _check_switches(self, scope: Scope, caller: Caller, switches: Switches) -> None:
        """Raises Forbidden, Closed."""
        if caller.tenant in switches.suspended:
            raise Forbidden("This tenant is suspended.", code="tenant_suspended")
        if not switches.admit(caller):
            raise Closed("This is closed for a while; try again later.")
        asks = scope["method"] in _SAFE or self._changeless.fullmatch(scope["path"])
        if switches.read_only and not asks:
            raise Closed("Nothing can be changed for a while; reading and asking go on.")

    async def _take(self, caller: Caller) -> Allowance | None:
        try:
            return await self._limits.take(caller)
        except Unavailable as error:
            log.warning("a request was not counted", exc_info=error)
            return None

    def _check(self, scope: Scope, allowance: Allowance) -> None:
        """Raises TooMany."""
        if not allowance.allowed:
            _refuse(allowance)
        spends = scope["method"] == "POST" and self._spending.fullmatch(scope["path"])
        for what, left in (("tokens", allowance.tokens), ("dollars", allowance.dollars)):
            if spends and left is not None and left <= 0:
                raise TooMany(
                    f"All {what} of this day are used; the next day (UTC) has its own.",
                    code=_QUOTA,
                    retry_after=ceil(allowance.day_seconds),
                )


def _refuse(allowance: Allowance) -> NoReturn:
    seconds = max(1, ceil(max(allowance.key.seconds, allowance.tenant.seconds)))
    whose = "this key" if allowance.key.left < 1 else "this tenant"
    most = allowance.key.most if allowance.key.left < 1 else allowance.tenant.most
    raise TooMany(
        f"These are too many requests for {whose}: {most:g} a minute; wait for {seconds} s.",
        code=_RATE,
        retry_after=seconds,
    )


def _headers(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    buckets = {"key": allowance.key, "tenant": allowance.tenant}
    policies = ", ".join(f'"{n}";q={b.most:.0f};w={MINUTE:.0f}' for n, b in buckets.items())
    states = ", ".join(f'"{name}";{_state(bucket)}' for name, bucket in buckets.items())
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", states.encode())]


def _state(bucket: Bucket) -> str:
    return f"r={int(max(0, bucket.left))};t={ceil(bucket.seconds_to_full)}"
