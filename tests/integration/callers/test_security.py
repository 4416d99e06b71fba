"""Who calls, as PostgreSQL and an issuer know them: taken, shut out in time, mutated."""

import asyncio
import json
import string
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.stack import Stack
from quire.domain import Issuer, Scope
from quire.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from quire.issuers import Issuers
from quire.security import Security
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.tenants import Tenants
from quire.store.users import Users
from tests.conftest import AUDIENCE, Tenant
from tests.integration.callers.issuing import Issuing, issuing

REMEMBER = 0.3


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    one = Database(stack.app_url, connections=2)
    yield one
    await one.close()


@pytest.fixture
async def tenant(make_tenant: Callable[..., Awaitable[Tenant]]) -> str:
    return (await make_tenant()).id


@pytest.fixture
def keys(database: Database) -> ApiKeys:
    return ApiKeys(database)


@pytest.fixture
async def issuer(stack: Stack) -> AsyncIterator[Issuing]:
    (trusted,) = json.loads(stack.configuration.issuers)
    async with issuing(trusted["issuer"]) as listening:
        yield listening


@pytest.fixture
async def security(database: Database, issuer: Issuing, tenant: str) -> AsyncIterator[Security]:
    issuers = Issuers(
        [
            Issuer(
                issuer=issuer.url,
                audience=AUDIENCE,
                algorithms=["RS256"],
                tenant=tenant,
                tenant_claim=None,
                scopes=frozenset({"ask"}),
                scope_claim=None,
            )
        ]
    )
    yield Security(ApiKeys(database), Users(database), issuers=issuers, remember=REMEMBER)
    await issuers.close()


async def new_key(
    keys: ApiKeys,
    tenant: str,
    *,
    scopes: tuple[Scope, ...] = ("ask",),
    user: str | None = None,
    speaks: bool = False,
    expires_at: datetime | None = None,
) -> tuple[str, str]:
    """A key's id and its secret."""
    key, secret = await keys.create(
        tenant,
        name="a test's",
        scopes=scopes,
        user=user,
        speaks_for_users=speaks,
        expires_at=expires_at,
    )
    assert secret.startswith("quire_")
    assert secret.startswith(key.prefix)
    assert len(secret) > 3 * len(key.prefix)
    return str(key.id), f"Bearer {secret}"


async def shut_out(security: Security, credential: str, *, user: str | None = None) -> None:
    """In the documented time, however often it is used meanwhile."""
    for _ in range(20):
        try:
            await security.recognize(credential, user=user)
        except Unauthenticated:
            return
        await asyncio.sleep(REMEMBER / 4)
    raise AssertionError("it is still served")


async def test_a_key_calls_as_itself_or_as_its_user(
    security: Security, keys: ApiKeys, tenant: str
) -> None:
    own, credential = await new_key(keys, tenant)
    caller = await security.recognize(credential, user=None)
    assert (caller.tenant, caller.user) == (tenant, f"key:{own}")
    assert caller.scopes == {"ask"}
    _, adas = await new_key(keys, tenant, user="ada")
    assert (await security.recognize(adas, user=None)).user == "ada"
    for one in (credential, adas):
        with pytest.raises(Forbidden):
            await security.recognize(one, user="bob")
    _, speaker = await new_key(keys, tenant, speaks=True)
    assert (await security.recognize(speaker, user="bob")).user == "bob"
    for nobody in ("", "a\nb", "ä", "u" * 201):
        with pytest.raises(Invalid):
            await security.recognize(speaker, user=nobody)


async def test_a_scope_has_to_be_there(security: Security, keys: ApiKeys, tenant: str) -> None:
    _, credential = await new_key(keys, tenant, scopes=("ingest",))
    await security.identify(credential, user=None, scopes=("ingest", "admin"))
    with pytest.raises(Forbidden, match="'ask' or 'admin'"):
        await security.identify(credential, user=None, scopes=("ask", "admin"))


async def test_a_key_ends_when_it_expires(security: Security, keys: ApiKeys, tenant: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    _, credential = await new_key(keys, tenant, expires_at=soon)
    await security.recognize(credential, user=None)
    await shut_out(security, credential)


async def test_a_key_is_rotated_without_a_gap(
    security: Security, keys: ApiKeys, tenant: str
) -> None:
    own, former = await new_key(keys, tenant, scopes=("ask", "ingest"))
    (await security.recognize(former, user=None))
    key, secret = await keys.rotate(tenant, UUID(own), overlap=1.0, expires_at=None)
    assert key.expires_at is None
    was, now = [await security.recognize(c, user=None) for c in (former, f"Bearer {secret}")]
    assert (was.user, was.scopes) == (now.user, now.scopes), "its sessions stay in reach"
    await shut_out(security, former)
    again, _ = await keys.rotate(tenant, key.id, overlap=0, expires_at=None)
    assert again.user == was.user
    with pytest.raises(Conflict):
        await keys.rotate(tenant, UUID(own), overlap=1, expires_at=None)


async def test_who_was_revoked_is_shut_out(
    security: Security, keys: ApiKeys, database: Database, tenant: str, issuer: Issuing
) -> None:
    users = Users(database)
    own, credential = await new_key(keys, tenant)
    await security.recognize(credential, user=None)
    await keys.revoke(tenant, UUID(own))
    await shut_out(security, credential)
    _, speaker = await new_key(keys, tenant, speaks=True)
    await users.put(tenant, "ada", revoked=False)
    token = f"Bearer {issuer.sign()}"
    assert (await security.recognize(token, user=None)).user == "ada"
    await security.recognize(speaker, user="ada")
    await users.put(tenant, "ada", revoked=True)
    await shut_out(security, token)
    await shut_out(security, speaker, user="ada")
    await security.recognize(speaker, user="bob")
    await users.put(tenant, "ada", revoked=False)
    assert (await security.recognize(token, user=None)).user == "ada"


async def test_a_closed_tenant_is_shut_out(
    security: Security, keys: ApiKeys, database: Database, tenant: str, issuer: Issuing
) -> None:
    _, credential = await new_key(keys, tenant)
    token = f"Bearer {issuer.sign()}"
    for one in (credential, token):
        await security.recognize(one, user=None)
    await Tenants(database).close(tenant)
    for one in (credential, token):
        await shut_out(security, one)


async def test_a_token_speaks_for_its_user_only(security: Security, issuer: Issuing) -> None:
    with pytest.raises(Forbidden):
        await security.recognize(f"Bearer {issuer.sign()}", user="bob")
    for nobody in ("ä", "a\nb", "u" * 201):
        with pytest.raises(Unauthenticated):
            await security.recognize(f"Bearer {issuer.sign(sub=nobody)}", user=None)


async def test_without_a_database_who_was_known_is_served(
    stack: Stack, security: Security, keys: ApiKeys, tenant: str, issuer: Issuing
) -> None:
    _, known = await new_key(keys, tenant)
    _, unknown = await new_key(keys, tenant)
    ada, bob = (f"Bearer {issuer.sign(sub=user)}" for user in ("ada", "bob"))
    for credential in (known, ada):
        await security.recognize(credential, user=None)
    frozen = stack.services["pgbouncer" if stack.pooled else "postgres"]
    await frozen.stop()
    try:
        await asyncio.sleep(REMEMBER)
        assert (await security.recognize(known, user=None)).tenant == tenant
        assert (await security.recognize(ada, user=None)).user == "ada"
        for credential in (unknown, bob):
            with pytest.raises(Unavailable):
                await security.recognize(credential, user=None)
    finally:
        await frozen.start()


async def test_a_tenants_keys_are_its_own(
    keys: ApiKeys, tenant: str, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    other = (await make_tenant()).id
    own, _ = await new_key(keys, tenant)
    assert own not in [str(key.id) for key in (await keys.list(other, limit=9, after=None)).items]
    with pytest.raises(NotFound):
        await keys.revoke(other, UUID(own))
    with pytest.raises(NotFound):
        await keys.rotate(other, UUID(own), overlap=0, expires_at=None)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_no_mutation_of_a_key_passes(
    security: Security, keys: ApiKeys, tenant: str, data: st.DataObject
) -> None:
    _, credential = await new_key(keys, tenant)
    key = credential.removeprefix("Bearer ")
    at = data.draw(st.integers(0, len(key)))
    letters = st.text(string.ascii_letters + string.digits + "-_.=é\0'\"%", max_size=2)
    mutant = key[:at] + data.draw(letters) + key[at + data.draw(st.integers(0, 2)) :]
    if mutant == key:
        assert (await security.recognize(f"Bearer {mutant}", user=None)).tenant == tenant
    else:
        with pytest.raises(Unauthenticated):
            await security.recognize(f"Bearer {mutant}", user=None)


async def test_what_is_no_credential(security: Security) -> None:
    for header in (None, "", "Bearer", "Bearer  ", "Basic YTpi", "quire-local-key"):
        with pytest.raises(Unauthenticated):
            await security.recognize(header, user=None)
