"""Who tries keys that are none is looked up for a while only; who has one is served."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from local.stack import Stack
from quire.errors import TooMany, Unauthenticated
from quire.security import Security
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.users import Users
from tests.conftest import Tenant

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    one = Database(stack.app_url, connections=2)
    yield one
    await one.close()


async def test_who_guesses_is_not_looked_up_for_long(
    database: Database, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    security = Security(ApiKeys(database), Users(database), remember=0.0)
    known, fresh = await make_tenant(), await make_tenant()

    async def call(key: str, address: str = HERE) -> str:
        caller = await security.recognize(f"Bearer {key}", user=None, address=address)
        return caller.tenant

    assert await call(known.key) == known.id
    refused = None
    for guess in range(300):  # a minute may end meanwhile
        try:
            with pytest.raises(Unauthenticated):
                await call(f"quire_{guess}")
        except TooMany as error:
            refused = error
            break
    assert refused is not None
    assert guess >= 120
    assert 1 <= refused.retry_after <= 60
    with pytest.raises(TooMany):
        await call(fresh.key)  # nobody knows that this is one
    assert await call(known.key) == known.id
    assert await call(fresh.key, ELSEWHERE) == fresh.id
