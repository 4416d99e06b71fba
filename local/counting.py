"""moto's queues, counted seldom and fast: thousands of waiting messages are what it is slow at."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moto.sqs.models import Queue


def count_less() -> None:
    """Have moto pass a message on without three slow counts of all its queue holds.

    It counts on its way to the attributes of the queue, of which it wants but one: for a message
    received the time that messages are kept, which is days, for one sent how doubles are told.
    """
    from moto.sqs.models import Queue, SQSBackend

    SQSBackend.is_message_valid_based_on_retention_period = (  # type: ignore[method-assign]
        lambda *_: True
    )
    for name, count in _COUNTS.items():
        setattr(Queue, name, property(count))


def _ready(queue: "Queue") -> int:
    now = _now()
    return sum(m.visible_at < now >= m.delayed_until for m in queue._messages)


def _delayed(queue: "Queue") -> int:
    now = _now()
    return sum(now < m.delayed_until for m in queue._messages)


def _invisible(queue: "Queue") -> int:
    now = _now()
    return sum(now <= m.visible_at for m in queue._messages)


def _now() -> float:
    """In milliseconds, as moto's messages have it; asked once a count, not once a message."""
    return time.time() * 1_000


_COUNTS = {
    "approximate_number_of_messages": _ready,
    "approximate_number_of_messages_delayed": _delayed,
    "approximate_number_of_messages_not_visible": _invisible,
}
