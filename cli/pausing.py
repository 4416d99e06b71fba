"""How long to wait between two looks."""

from collections.abc import Iterator

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 2.0


def pauses() -> Iterator[float]:
    """Seconds to leave between two looks at the same thing."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(1.5 * pause, LONGEST_PAUSE)
