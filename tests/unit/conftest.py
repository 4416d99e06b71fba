"""What a test of one part may ask for."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from quire.observability import log

Told = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def told() -> Iterator[Told]:
    """The lines that were logged."""
    handler = log.logger_handler
    assert isinstance(handler, logging.StreamHandler)
    written, former = io.StringIO(), handler.setStream(io.StringIO())
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    handler.setStream(former)
