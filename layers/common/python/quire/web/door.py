"""Where requests wait while their process is behind: let in all at once, none were served in time.

A process is behind when its event loop takes long to come round, or when somebody inside has been
waiting long for the database. What is inside goes on; what waits outside costs next to nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from quire.errors import Overloaded

# A round of an idle loop takes microseconds; one in which thirty turns go on takes about so long.
_LATE_SECONDS = 0.01
# A transaction takes some milliseconds, a round trip beyond; what takes longer waits for others.
_SLOW_SECONDS = 0.05
_LOOK_SECONDS = 0.005
# Who is alone with so few is let in, however slow the machine is.
_FEW = 4


class Door:
    """Requests come in one after the other, in the order in which they came."""

    def __init__(self, waited: Callable[[], float], *, most: int, seconds: float) -> None:
        """`waited` is for how many seconds somebody waits for the database by now. Beyond `most`,
        outside and inside, the next ones are refused, as is who has waited outside for `seconds`.
        """
        self._waited = waited
        self._most = most
        self._seconds = seconds
        self._present = 0
        self._inside = 0
        self._first = asyncio.Lock()

    async def enter(self) -> ExitStack:
        """Inside, once that is borne, until what is returned is closed. Raises Overloaded."""
        if self._present >= self._most:
            raise Overloaded
        with ExitStack() as place:
            self._present += 1
            place.callback(self._leave)
            await self._wait()
            self._inside += 1
            place.callback(self._go_out)
            return place.pop_all()

    def _leave(self) -> None:
        self._present -= 1

    def _go_out(self) -> None:
        self._inside -= 1

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._seconds), self._first:
                while True:
                    if not await self._behind():
                        return
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise Overloaded from None

    async def _behind(self) -> bool:
        now = asyncio.get_running_loop().time
        began = now()
        await asyncio.sleep(0)  # one round of the loop
        late = now() - began > _LATE_SECONDS
        return self._inside >= _FEW and (late or self._waited() > _SLOW_SECONDS)
