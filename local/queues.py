"""moto's queues as the laptop needs them: sound between threads, quick with many messages."""

import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.sqs.models import Queue, SQSBackend

# What reads and then replaces a queue's list of messages.
_CHANGES = ("receive_message", "delete_message", "change_message_visibility", "purge_queue")


def mend_queues() -> None:
    """Lock moto's queues and have them count less, for every queue of this process.

    moto 5.2 locks a queue only while a message is added: one sent while another is deleted is
    gone, and a receive beside another fails after it has hidden what it took. A receive that waits
    lets go of the lock, for it waits for that lock's own condition.

    It also counts all a queue holds, three times and slowly, on its way to the attributes of the
    queue, of which it wants but one: for a message received the time that messages are kept, which
    is days, for one sent how doubles are told.
    """
    from moto.sqs.models import Queue, SQSBackend

    for name in _CHANGES:
        setattr(SQSBackend, name, _locked(getattr(SQSBackend, name)))
    SQSBackend.is_message_valid_based_on_retention_period = (  # type: ignore[method-assign]
        lambda *_: True
    )
    for name, count in _COUNTS.items():
        setattr(Queue, name, property(count))


def _locked(change: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(change)
    def locked(backend: "SQSBackend", queue_name: str, *args: Any, **kwargs: Any) -> Any:
        with backend.get_queue(queue_name)._messages_lock:
            return change(backend, queue_name, *args, **kwargs)

    return locked


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
