"""Who is let in while there is too much to do, in which order, and who is refused."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from quire.errors import Overloaded
from quire.web.door import Door

FEW = 4


class House:
    """The database is `waited` for as long as a test says; `came` are those inside, in order."""

    def __init__(self, *, most: int = 1_000, seconds: float = 5.0) -> None:
        self.waited = 0.0
        self.came: list[int] = []
        self.most = 0
        self._inside = 0
        self.door = Door(lambda: self.waited, most=most, seconds=seconds)

    @asynccontextmanager
    async def visit(self, number: int) -> AsyncIterator[None]:
        with await self.door.enter():
            self.came.append(number)
            self._inside += 1
            self.most = max(self.most, self._inside)
            yield
            self._inside -= 1


async def test_those_who_take_the_loops_time_are_few_at_once_and_come_in_order() -> None:
    house = House()

    async def turn(number: int) -> None:
        async with house.visit(number):
            for _ in range(20):
                time.sleep(0.001)  # noqa: ASYNC251  (it stands for work)
                await asyncio.sleep(0)

    await asyncio.gather(*map(turn, range(100)))
    assert house.came == list(range(100))
    assert FEW <= house.most < 40


async def test_those_who_wait_for_others_are_many_at_once() -> None:
    house, gate = House(), asyncio.Event()

    async def turn(number: int) -> None:
        async with house.visit(number):
            await gate.wait()

    turns = [asyncio.create_task(turn(number)) for number in range(500)]
    async with asyncio.timeout(10):
        while len(house.came) < 500:
            await asyncio.sleep(0.01)
    gate.set()
    await asyncio.gather(*turns)


async def test_nobody_more_is_let_in_while_the_database_is_waited_for() -> None:
    house = House()
    async with AsyncExitStack() as inside:
        house.waited = 0.2
        for number in range(FEW):  # but for a few: who would end it, were there nobody inside?
            await inside.enter_async_context(house.visit(number))
        more = asyncio.create_task(inside.enter_async_context(house.visit(FEW)))
        await asyncio.sleep(0.05)
        assert not more.done()
        house.waited = 0.0
        await more


async def test_who_has_waited_long_enough_is_refused() -> None:
    house = House(seconds=0.05)
    async with AsyncExitStack() as inside:
        house.waited = 0.2
        for number in range(FEW):
            await inside.enter_async_context(house.visit(number))
        with pytest.raises(Overloaded):
            await inside.enter_async_context(house.visit(FEW))
        house.waited = 0.0
        await inside.enter_async_context(house.visit(FEW))


async def test_who_comes_beyond_the_most_is_refused_at_once() -> None:
    house = House(most=2)
    async with house.visit(0), house.visit(1):
        with pytest.raises(Overloaded):
            async with house.visit(2):
                pass
    async with house.visit(3):
        pass
