"""The models behind OpenAI's API, or anything that speaks it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import ceil

import httpx2
import openai
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from quire.credentials import Credential, Shown, held
from quire.errors import Declined, Unavailable
from quire.retrying import retrying

# A request's, beyond any model's window, and well within what PostgreSQL sums up.
MOST_TOKENS = 100_000_000
# The second line: of a stream that breaks off, or that is none. The third: of numbers that are
# none, and of what is nested without end.
_FAILURES = (
    *(openai.OpenAIError, TimeoutError),
    *(httpx2.HTTPError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RecursionError),
)
# Beside 5xx; what a quota that is used up has as well, which asking again does not fill.
_PASSING = frozenset({408, 409, 429})
_USED_UP = "insufficient_quota"
# What is wrong with one request: longer than the model's window, or filtered by its provider.
_DECLINING = frozenset({400, 413, 422})
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]+)?")


class _Key(Shown, httpx2.Auth):
    pass


def connect(*, base_url: str | None, api_key: Credential | str, timeout: float) -> AsyncOpenAI:
    """One client for both models; `timeout` bounds each request in seconds.

    It tries nothing again: the SDK would wait out a Retry-After of two minutes, whatever the time
    that a turn has left. Callers do, with `again`.
    """
    key = held(api_key)
    auth = _Key(key, header="Authorization", scheme="Bearer ")
    return AsyncOpenAI(
        base_url=base_url,
        api_key=key.value,
        timeout=timeout,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(auth=auth),
    )


def _is_passing(error: BaseException) -> bool:
    """Whether the same request may well succeed a moment later."""
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        return (status in _PASSING or status >= 500) and error.code != _USED_UP
    return isinstance(error, openai.APIConnectionError)


def _wished(error: BaseException) -> float:
    """The seconds that a refusal asks to be left alone for; none, where it names no number."""
    if isinstance(error, openai.APIStatusError):
        for header, unit in (("retry-after-ms", 1_000), ("retry-after", 1)):
            told = error.response.headers.get(header, "")
            if _NUMBER.fullmatch(told):
                return float(told) / unit
    return 0.0


# Asks again who failed for a moment.
again = partial(retrying, _is_passing, wished=_wished)


@contextmanager
def translated() -> Iterator[None]:
    """The SDK's errors as ours: whatever the model's side did, the caller can only wait."""
    try:
        yield
    except openai.APIStatusError as error:
        kind = Declined if error.status_code in _DECLINING else Unavailable
        raise kind("model", retry_after=ceil(_wished(error)) or 5) from error
    except _FAILURES as error:
        raise Unavailable("model") from error
