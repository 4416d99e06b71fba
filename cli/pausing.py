"""How long to wait between two looks, and before what was refused is asked again."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from cli.client import Failed

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 2.0
_GROWTH = 1.5
_ATTEMPTS = 8
# A minute's requests are there again within a minute; a day's budget nobody waits for.
_PATIENCE = 120.0

_grown = wait_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE, exp_base=_GROWTH)


def pauses() -> Iterator[float]:
    """Seconds to leave between two looks at the same thing."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(_GROWTH * pause, LONGEST_PAUSE)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` returns; it is called again when the deployment is busy, or waking up.

    After as long as the deployment says, for two minutes; where it does not say, eight times.
    Raises Failed.
    """
    return await AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, Failed) and error.passing),
        wait=lambda state: _told(state) or _grown(state),
        stop=_is_enough,
        reraise=True,
    )(ask)


def _is_enough(state: RetryCallState) -> bool:
    told = _told(state)
    if told is None:
        return state.attempt_number >= _ATTEMPTS
    return (state.seconds_since_start or 0) + told > _PATIENCE


def _told(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after if isinstance(error, Failed) else None
