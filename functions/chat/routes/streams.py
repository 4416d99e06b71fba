"""How many streams a tenant has under way, wherever they are served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import UUID

from fastapi import Request

from quire.domain import Caller
from quire.errors import TooMany, Unavailable
from quire.observability import log
from quire.store.limits import RateLimits

_RETRY_SECONDS = 5
# A stream that is over may take a moment to say so.
_SPARE_SECONDS = 5.0


class Stream:
    """One that is counted until the frames it is made of are told, or until they never come."""

    def __init__(self) -> None:
        self.end = AsyncExitStack()

    async def of(self, frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async with self.end:
            async for frame in frames:
                yield frame


class Streams:
    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits

    @asynccontextmanager
    async def one(self, request: Request, caller: Caller, *, until: float) -> AsyncIterator[Stream]:
        """A stream that is over at `until`, in the loop's time, if the tenant may have one more.

        Raises TooMany. Whoever reads it may go away: it counts to its end, here and everywhere.
        """
        stream = Stream()
        stream.end.enter_context(request.state.place.pop_all())
        most: int | None = request.state.streams
        if most is not None:
            began = await self._begin(caller.tenant, most, until)
            if began:
                stream.end.push_async_callback(partial(self._end, caller.tenant, began))
        try:
            yield stream
        except BaseException:
            await stream.end.aclose()
            raise

    async def _begin(self, tenant: str, most: int, until: float) -> UUID | None:
        seconds = until - asyncio.get_running_loop().time() + _SPARE_SECONDS
        try:
            stream = await self._limits.begin_stream(tenant, most=most, seconds=seconds)
        except Unavailable as error:
            log.warning("a stream was not counted", exc_info=error)
            return None
        if stream is None:
            raise TooMany(
                f"This tenant has its {most} streams under way; wait until one has ended.",
                code="rate_limit_exceeded",
                retry_after=_RETRY_SECONDS,
            )
        return stream

    async def _end(self, tenant: str, stream: UUID) -> None:
        try:
            await self._limits.end_stream(tenant, stream)
        except Unavailable as error:
            log.warning("a stream counts until its time is over", exc_info=error)
