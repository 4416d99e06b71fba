"""A request on its way to a function, and how it may end."""

import asyncio
import uuid
from asyncio import Future
from dataclasses import dataclass, field
from typing import Any


class InvocationError(Exception):
    """An invocation that ended without an answer."""


class FunctionError(InvocationError):
    """The function raised, could not be loaded, or took its process down."""

    def __init__(self, error_type: str, error_message: str) -> None:
        super().__init__(f"{error_type}: {error_message}")
        self.error_type = error_type
        self.error_message = error_message


class TimedOut(InvocationError):
    """The function ran longer than its timeout and was killed."""


class Throttled(InvocationError):
    """Every sandbox was busy for as long as the function may run."""


class RequestTooLarge(InvocationError):
    """The event is larger than Lambda takes in one request."""


@dataclass(eq=False, slots=True)
class Invocation:
    """A request on its way to a sandbox, and the place where its answer is put."""

    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def succeed(self, answer: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: InvocationError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
