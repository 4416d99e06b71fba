"""What servers know us by: it holds until one of them refuses it, and then another may be there.

Nobody has to look whether a password or a key was changed: whoever refuses it says so (ADR 29).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

_REFUSED = (401, 403)


class Credential:
    """A key, a password, or a URL with one in it: `value`, empty where there is none."""

    def __init__(self, value: str, renew: Callable[[], Awaitable[str]] | None = None) -> None:
        """`renew` answers what is to be shown by now, which may be the same; it raises nothing."""
        self.value = value
        self._renew = renew

    async def refused(self, shown: str) -> bool:
        """Whether there is another one by now than what was `shown` in vain."""
        if self.value == shown and self._renew is not None:
            self.value = await self._renew()
        return self.value != shown


class Shown:
    """What makes of httpx's `Auth`, or httpx2's, one that shows a credential in a header.

    What was refused is sent once more, if there is another one by then.
    """

    def __init__(self, credential: Credential, *, header: str, scheme: str = "") -> None:
        self._credential = credential
        self._header = header
        self._scheme = scheme

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        shown = self._show(request)
        answer = yield request
        if answer.status_code in _REFUSED and await self._credential.refused(shown):
            self._show(request)
            yield request

    def _show(self, request: Any) -> str:
        if value := self._credential.value:
            request.headers[self._header] = self._scheme + value
        return value


def held(given: Credential | str | None) -> Credential:
    """As it is, or made of what nobody can renew."""
    return given if isinstance(given, Credential) else Credential(given or "")
