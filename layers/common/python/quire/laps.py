"""Where the time goes: a stopwatch whose laps are named after stages."""

from time import perf_counter


class Laps:
    """`milliseconds` maps each stage to what it took, in the order they were marked."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._began = self._last = perf_counter()

    def mark(self, stage: str) -> None:
        now = perf_counter()
        self.milliseconds[stage] = round(1000 * (now - self._last), 2)
        self._last = now

    @property
    def since(self) -> float:
        """Milliseconds since it was started."""
        return round(1000 * (perf_counter() - self._began), 2)
