"""When a call is tried again: at random times that spread further and further, up to its deadline.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter")
"""

from collections.abc import Callable

from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

_ATTEMPTS = 3
_FIRST, _LONGEST = 0.05, 1.0  # seconds


def retrying(passing: Callable[[BaseException], bool], *, seconds: float) -> AsyncRetrying:
    """Tries again what is `passing`, twice at most, if `seconds` suffice; else raises it.

    To be used once: `async for attempt in retrying(…): with attempt: …`.
    """
    return AsyncRetrying(
        retry=retry_if_exception(passing),
        wait=wait_random_exponential(multiplier=_FIRST, max=_LONGEST),
        stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(seconds),
        reraise=True,
    )
