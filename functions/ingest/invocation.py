"""The time an invocation has, in monotonic seconds."""

import time
from dataclasses import dataclass
from typing import Self

from aws_lambda_powertools.utilities.typing import LambdaContext

# What is kept for handing over what is left.
_RESERVE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What is not done by `until` is handed over; at `end` the worker is no more."""

    began: float
    until: float
    end: float

    @classmethod
    def begin(cls, context: LambdaContext) -> Self:
        began, remaining = time.monotonic(), context.get_remaining_time_in_millis() / 1_000
        return cls(began=began, until=began + remaining * (1 - _RESERVE), end=began + remaining)
