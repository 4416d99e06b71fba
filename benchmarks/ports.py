"""Ports for a laptop cloud beside others: a benchmark's, a test's."""

import random
import socket
from contextlib import ExitStack, suppress


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on; all are held until the last is found, so none comes twice.

    They are below those that the kernel gives to outgoing connections, which could take them
    before a server does.
    """
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = random.SystemRandom().randrange(15_000, 32_000)
            probe = held.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found
