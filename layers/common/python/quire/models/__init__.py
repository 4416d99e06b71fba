"""The models behind OpenAI's API, or anything that speaks it."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import openai
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from quire.credentials import Credential, Shown, held
from quire.errors import Unavailable

# A request's, beyond any model's window, and well within what PostgreSQL sums up.
MOST_TOKENS = 100_000_000
# The second line: of a stream that breaks off, or that is none. The third: of numbers that are
# none, and of what is nested without end.
_FAILURES = (
    *(openai.OpenAIError, TimeoutError),
    *(httpx2.HTTPError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RecursionError),
)


class _Key(Shown, httpx2.Auth):
    pass


def connect(*, base_url: str | None, api_key: Credential | str, timeout: float) -> AsyncOpenAI:
    """One client for both models; `timeout` bounds each request in seconds.

    The SDK honours Retry-After for up to two minutes beyond `timeout`, so callers bound a whole
    call with `asyncio.timeout` as well.
    """
    key = held(api_key)
    auth = _Key(key, header="Authorization", scheme="Bearer ")
    return AsyncOpenAI(
        base_url=base_url,
        api_key=key.value,
        timeout=timeout,
        max_retries=1,
        http_client=DefaultAsyncHttpxClient(auth=auth),
    )


@contextmanager
def translated() -> Iterator[None]:
    """The SDK's errors as ours: whatever the model's side did, the caller can only wait."""
    try:
        yield
    except openai.RateLimitError as error:
        wait = error.response.headers.get("retry-after", "")
        raise Unavailable("model", retry_after=int(wait) if wait.isdigit() else 5) from error
    except _FAILURES as error:
        raise Unavailable("model") from error
