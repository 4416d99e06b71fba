"""One breaker a dependency: after failures in a row nobody waits for it any more, for a while.

Every process has its own. https://martinfowler.com/bliki/CircuitBreaker.html
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from circuitbreaker import STATE_HALF_OPEN, CircuitBreaker

from quire.errors import Declined, Unavailable
from quire.metrics import Metric, measure

log = logging.getLogger("quire.breaker")


class Breaker:
    """Opens after `failures` in a row, for `seconds`; then one at a time tries whether it is back.

    What counts is Unavailable: other errors are answers, and so is Declined. Who was told to wait
    no longer knows nothing of it, unless `patience` seconds had brought no answer.
    """

    def __init__(
        self, dependency: str, *, failures: int = 5, seconds: float = 5.0, patience: float = 10.0
    ) -> None:
        self._circuit = CircuitBreaker(
            failure_threshold=failures,
            recovery_timeout=seconds,
            expected_exception=Unavailable,
            name=dependency,
        )
        self._dependency = dependency
        self._patience = patience
        self._trying = False

    @property
    def open(self) -> bool:
        return bool(self._circuit.opened)

    @contextmanager
    def guard(self) -> Iterator[Callable[[], None]]:
        """What is done under it is not begun while the breaker is open: Unavailable.

        It yields what is to be called when there is an answer, where that is not yet the end.
        """
        trial = self._circuit.state == STATE_HALF_OPEN
        if self.open or (trial and self._trying):
            self._tell(open=True)
            raise Unavailable(self._dependency, retry_after=max(1, self._circuit.open_remaining))
        self._trying = trial
        began, answered = time.monotonic(), False

        def answer() -> None:
            nonlocal answered
            if not answered:
                answered = True
                self._trying = False
                self._circuit.reset()
                if trial:
                    self._tell(open=False)
                    log.info("a breaker closed", extra={"dependency": self._dependency})

        try:
            yield answer
        except Declined:
            answer()
            raise
        except Unavailable as error:
            self._fail(error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if not answered and time.monotonic() - began >= self._patience:
                self._fail(Unavailable(self._dependency))
            raise
        except BaseException:
            answer()
            raise
        else:
            answer()
        finally:
            if trial:
                self._trying = False

    def _fail(self, error: Unavailable) -> None:
        with suppress(Unavailable), self._circuit:
            raise error
        if self.open:
            self._tell(open=True)
            log.warning("a breaker opened", extra={"dependency": self._dependency})

    def _tell(self, *, open: bool) -> None:
        measure(Metric.BREAKER_OPEN, int(open), self._dependency)
