"""An app's frame with limits, around routes that do nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from functions.chat.app import CHANGELESS, SPENDING
from functions.chat.dialect.errors import error_json
from local.stack import Stack
from quire.domain import Limits
from quire.security import Security
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.idempotency import IdempotencyKeys
from quire.store.limits import RateLimits
from quire.store.users import Users
from quire.switches import Switchboard
from quire.web import create_app
from quire.web.door import Door
from quire.web.edge import NO_EDGE, Edge
from tests.conftest import Tenant
from tests.integration.admission.limited import AT_ONCE, routes


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    one = Database(stack.app_url, connections=8)
    yield one
    await one.close()


@pytest.fixture
async def tenant(make_tenant: Callable[..., Awaitable[Tenant]]) -> Tenant:
    return await make_tenant()


@pytest.fixture
async def client(
    database: Database, tenant: Tenant
) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """An app's frame with such limits, around routes that do nothing."""
    opened = []

    def make(stage: Limits, edge: Edge = NO_EDGE) -> httpx.AsyncClient:
        security, limits = (
            Security(ApiKeys(database), Users(database)),
            RateLimits(database, stage, timeout=30),
        )
        app = create_app(
            "Limited",
            [routes(security, limits)],
            max_body=1_000,
            security=security,
            keys=IdempotencyKeys(database, lease=9),
            limits=limits,
            switches=Switchboard(None, seconds=1),
            spending=SPENDING,
            changeless=CHANGELESS,
            door=Door(database.waited, most=AT_ONCE, seconds=30),
            dialects={"/v1/chat/completions": error_json},
            edge=edge,
        )
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://x", headers=tenant.headers()
        )
        opened.append(made)
        return made

    yield make
    for one in opened:
        await one.aclose()
