"""When a dependency is no longer waited for, and when it is tried again."""

import asyncio
import time

import pytest

from quire.breaker import Breaker
from quire.errors import NotFound, Unavailable
from quire.metrics import Metric, measuring, taken

SECONDS = 0.5


@pytest.fixture
def breaker() -> Breaker:
    return Breaker("qdrant", failures=3, seconds=SECONDS, patience=0.2)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable), breaker.guard():
            raise Unavailable("qdrant")


def answer(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def test_what_becomes_of_it_is_measured(breaker: Breaker) -> None:
    with measuring():
        fail(breaker, 4)
        time.sleep(SECONDS)
        answer(breaker)
        answer(breaker)
        assert taken() == {(Metric.BREAKER_OPEN, "qdrant"): [1, 1, 0]}


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker, 2)
    answer(breaker)
    fail(breaker, 2)
    assert not breaker.open
    fail(breaker)
    assert breaker.open
    begun = False
    with pytest.raises(Unavailable) as refused, breaker.guard():
        begun = True
    assert not begun
    assert (refused.value.dependency, refused.value.retry_after) == ("qdrant", 1)


def test_another_error_is_an_answer(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker, 2)
        with pytest.raises(NotFound), breaker.guard():
            raise NotFound("There is none.")
    assert not breaker.open


def test_one_at_a_time_tries_whether_it_is_back(breaker: Breaker) -> None:
    fail(breaker, 3)
    time.sleep(SECONDS)
    with breaker.guard() as answered:
        with pytest.raises(Unavailable), breaker.guard():
            pass
        answered()  # a stream has begun: nobody has to wait for its end
        answer(breaker)
    answer(breaker)
    assert not breaker.open


def test_a_trial_that_fails_opens_it_again(breaker: Breaker) -> None:
    fail(breaker, 3)
    time.sleep(SECONDS)
    fail(breaker)
    assert breaker.open


async def cancelled(breaker: Breaker, *, after: float, answers: bool = False) -> None:
    with breaker.guard() as answered:
        if answers:
            answered()
        async with asyncio.timeout(after):
            await asyncio.Event().wait()


async def test_who_was_told_to_stop_knows_nothing_of_it(breaker: Breaker) -> None:
    async def stop(**how: bool) -> None:
        task = asyncio.create_task(cancelled(breaker, after=9, **how))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    fail(breaker, 2)
    await stop()
    fail(breaker)
    assert breaker.open, "that was no answer"
    await asyncio.sleep(SECONDS)
    answer(breaker)
    for _ in range(5):
        await stop()
    assert not breaker.open, "nor a failure"


async def test_silence_is_a_failure(breaker: Breaker) -> None:
    async def give_up(*, answers: bool) -> None:
        task = asyncio.create_task(cancelled(breaker, after=9, answers=answers))
        await asyncio.sleep(0.25)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    for _ in range(3):
        await give_up(answers=True)
    assert not breaker.open
    for _ in range(3):
        await give_up(answers=False)
    assert breaker.open
