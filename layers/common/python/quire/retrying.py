"""When a call is tried again: at random times that spread further and further, up to its deadline.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter")
"""

from collections.abc import Callable

from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exception,
    wait_random_exponential,
)

_FIRST = 0.05  # seconds


def retrying(
    passing: Callable[[BaseException], bool],
    *,
    seconds: float,
    wished: Callable[[BaseException], float] = lambda error: 0.0,
    attempts: int = 3,
    longest: float = 1.0,
) -> AsyncRetrying:
    """Tries again what is `passing`, so many `attempts` in all, if `seconds` suffice; else raises
    it.

    `wished` are the seconds that a failure asks to be left alone for. They are waited out too, but
    if they are more than the `longest` wait, that failure is raised at once.
    To be used once: `async for attempt in retrying(…): with attempt: …`.
    """
    return AsyncRetrying(
        retry=retry_if_exception(lambda error: passing(error) and wished(error) <= longest),
        wait=wait_random_exponential(multiplier=_FIRST, max=longest) + wait_exception(wished),
        stop=stop_after_attempt(attempts) | stop_before_delay(seconds),
        reraise=True,
    )
