"""How many streams a tenant has under way, wherever they are served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import UUID, uuid4

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
    async def one(
        self, request: Request, caller: Caller, *, of: UUID, until: float, again: bool = False
    ) -> AsyncIterator[Stream]:
        """A stream `of` that answer, over at `until`, in the loop's time, if the tenant may have
        one more.

        Whoever reads it may go away: it counts to its end, here and everywhere. One that tells the
        answer `again` shares the place of the first, so that who has lost that is not kept out
        by it. Raises TooMany.
        """
        stream = Stream()
        stream.end.enter_context(request.state.place.pop_all())
        try:
            if request.state.streams is not None:
                await self._begin(stream, caller.tenant, request.state.streams, of, until, again)
            yield stream
        except BaseException:
            await stream.end.aclose()
            raise

    async def _begin(
        self, stream: Stream, tenant: str, most: int, of: UUID, until: float, again: bool
    ) -> None:
        began = uuid4() if again else of
        try:
            begun = await self._limits.begin_stream(
                tenant,
                stream=began,
                most=most,
                seconds=until - asyncio.get_running_loop().time() + _SPARE_SECONDS,
                resumes=of if again else None,
            )
        except Unavailable as error:
            log.warning("a stream was not counted", exc_info=error)
            return
        if not begun:
            raise TooMany(
                f"This tenant has its {most} streams under way; wait until one has ended.",
                code="rate_limit_exceeded",
                retry_after=_RETRY_SECONDS,
            )
        stream.end.push_async_callback(partial(self._end, tenant, began))

    async def _end(self, tenant: str, stream: UUID) -> None:
        try:
            # Whoever goes away just then does not keep it from being over.
            await asyncio.shield(self._limits.end_stream(tenant, stream))
        except Unavailable as error:
            log.warning("a stream counts until its time is over", exc_info=error)
