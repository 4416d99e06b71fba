"""Tokens of an OIDC issuer: what is taken, and that nothing else is."""

import asyncio
import hmac
import json
import string
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from benchmarks.ports import free_ports
from quire.domain import Issuer
from quire.errors import Unauthenticated, Unavailable
from quire.issuers import Issuers, Vouched
from tests.conftest import AUDIENCE
from tests.integration.callers.issuing import Issuing, issuing

ADA = Vouched(tenant="acme", user="ada", scopes=frozenset({"ask"}))
OTHER = RSAKey.generate_key(2048)
CLAIMS = ("iss", "aud", "exp", "sub")

# Told when tests are collected, which may be long before one of them runs.
TOMORROW = int(time.time()) + 86_400


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[Issuing]:
    (port,) = free_ports(1)
    async with issuing(f"http://127.0.0.1:{port}") as listening:
        yield listening


@pytest.fixture
def trusted(issuer: Issuing) -> Issuer:
    return Issuer(
        issuer=issuer.url,
        audience=AUDIENCE,
        algorithms=["RS256"],
        tenant="acme",
        tenant_claim=None,
        scopes=frozenset({"ask", "ingest"}),
        scope_claim="scope",
    )


@pytest.fixture
async def issuers(trusted: Issuer) -> AsyncIterator[Issuers]:
    made = Issuers([trusted])
    yield made
    await made.close()


def unsigned(header: dict[str, Any], claims: Any, signature: str) -> str:
    parts = [urlsafe_b64encode(json.dumps(part).encode()).decode() for part in (header, claims)]
    return ".".join([*(part.rstrip("=") for part in parts), signature])


async def refused(issuers: Issuers, token: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await issuers.verify(token)
    return refusal.value.message


async def test_a_token_vouches_for_its_user(issuer: Issuing, issuers: Issuers) -> None:
    token = issuer.sign()
    assert issuers.made(token)
    assert await issuers.verify(token) == ADA
    assert await issuers.verify(issuer.sign(aud=["another", AUDIENCE])) == ADA
    everything = await issuers.verify(issuer.sign(scope="ask ingest admin"))
    assert everything.scopes == {"ask", "ingest"}, "no more than the issuer may give"
    assert (await issuers.verify(issuer.sign(scope=None))).scopes == frozenset()


async def test_an_issuer_of_many_tenants_names_each(issuer: Issuing, trusted: Issuer) -> None:
    issuers = Issuers([replace(trusted, tenant=None, tenant_claim="org", scope_claim=None)])
    vouched = await issuers.verify(issuer.sign(org="globex"))
    assert vouched.tenant == "globex"
    assert vouched.scopes == {"ask", "ingest"}
    for org in (None, "", "No Tenant", 7, ["globex"], {"globex": 1}):
        await refused(issuers, issuer.sign(org=org))
    await issuers.close()


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": {AUDIENCE: 1}},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": TOMORROW},
        {"nbf": "today"},
        {"iat": TOMORROW},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"sub": "key:8c8ff3d4"},
    ],
    # By their names: two workers collect them at two times.
    ids=lambda claims: "-".join(claims),
)
async def test_claims_that_do_not_hold(
    issuer: Issuing, issuers: Issuers, claims: dict[str, Any]
) -> None:
    await refused(issuers, issuer.sign(**claims))


async def test_an_expired_token_says_so(issuer: Issuing, issuers: Issuers) -> None:
    assert "expired" in await refused(issuers, issuer.sign(exp=int(time.time()) - 60))


async def test_a_signature_of_anybody_else(issuer: Issuing, issuers: Issuers) -> None:
    claims = {"iss": issuer.url, "aud": AUDIENCE, "sub": "ada", "exp": time.time() + 60}
    kid = {"kid": issuer.key.kid}
    confused = unsigned({"alg": "HS256", **kid}, claims, "")
    mac = hmac.digest(issuer.key.as_pem(private=False), confused.rstrip(".").encode(), "sha256")
    for token in (
        issuer.sign(key=OTHER),
        issuer.sign(key=RSAKey.import_key(OTHER.as_dict(private=True), {"kid": "unknown"})),
        # The public key as if it were a shared secret, and other algorithms than the one agreed.
        confused + urlsafe_b64encode(mac).decode().rstrip("="),
        issuer.sign(header={"alg": "RS384"}),
        issuer.sign(header={"alg": "PS256"}),
        issuer.sign(key=ECKey.generate_key("P-256"), header={"alg": "ES256"}),
        # A key that comes along, or is said to be had somewhere.
        issuer.sign(key=OTHER, header={"jwk": OTHER.as_dict(private=False)}),
        issuer.sign(key=OTHER, header={"jku": f"{issuer.url}/keys", "kid": None}),
        unsigned({"alg": "none", **kid}, claims, ""),
        unsigned({"alg": "none", **kid}, claims, "AAAA"),
        unsigned({"alg": "NONE", **kid}, claims, "AAAA"),
        unsigned({"alg": "RS256", "crit": ["exp"], **kid}, claims, "AAAA"),
        unsigned({"alg": "RS256", "kid": {"a": 1}}, claims, "AAAA"),
    ):
        await refused(issuers, token)


@settings(
    max_examples=500,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_no_mutation_passes(issuer: Issuing, issuers: Issuers, data: st.DataObject) -> None:
    token = issuer.sign()
    letters = string.ascii_letters + string.digits + "-_.=+/ \n\0é"
    at = data.draw(st.integers(0, len(token)))
    width = data.draw(st.integers(0, 3))
    mutant = token[:at] + data.draw(st.text(letters, max_size=3)) + token[at + width :]
    if mutant == token:
        assert await issuers.verify(mutant) == ADA
    elif issuers.made(mutant):
        await refused(issuers, mutant)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.dictionaries(st.text(), st.integers() | st.text()),
    claims=st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(CLAIMS), inner),
    ),
    signature=st.text(string.ascii_letters, max_size=9),
)
async def test_no_invention_passes(
    issuer: Issuing, issuers: Issuers, header: Any, claims: Any, signature: str
) -> None:
    if isinstance(claims, dict):
        claims["iss"] = issuer.url
    await refused(issuers, unsigned({"alg": "RS256", **header}, claims, signature))


async def test_keys_are_asked_for_once(issuer: Issuing, issuers: Issuers) -> None:
    before = issuer.asked
    await asyncio.gather(*(issuers.verify(issuer.sign()) for _ in range(20)))
    assert issuer.asked == before + 1
    # Whoever makes up keys has nobody asked again and again.
    for kid in "abc":
        await refused(issuers, issuer.sign(key=OTHER, header={"kid": kid}))
    assert issuer.asked == before + 1


async def test_a_new_key_is_found_and_the_former_one_ends(issuer: Issuing, trusted: Issuer) -> None:
    issuers = Issuers([trusted], ask_again=0)
    former = issuer.sign()
    assert await issuers.verify(former) == ADA
    issuer.rotate()
    assert await issuers.verify(issuer.sign()) == ADA
    await refused(issuers, former)
    await issuers.close()


async def test_without_its_keys_an_issuer_is_unavailable(trusted: Issuer, issuer: Issuing) -> None:
    (port,) = free_ports(1)
    gone = Issuers([replace(trusted, issuer=f"http://127.0.0.1:{port}")])
    with pytest.raises(Unavailable) as raised:
        await gone.verify(issuer.sign(iss=f"http://127.0.0.1:{port}"))
    assert raised.value.dependency == "issuer"
    await gone.close()


async def test_an_issuer_that_calls_itself_otherwise_is_not_believed(
    issuer: Issuing, trusted: Issuer
) -> None:
    issuers = Issuers([trusted])
    issuer.calls_itself = "https://another.example"
    with pytest.raises(Unavailable):
        await issuers.verify(issuer.sign())
    issuer.calls_itself = issuer.url
    await issuers.close()


async def test_keys_outlive_their_issuers_silence(trusted: Issuer) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    issuers = Issuers([replace(trusted, issuer=url)], keep=0, ask_again=0)
    async with issuing(url) as issuer:
        assert await issuers.verify(issuer.sign()) == ADA
    assert await issuers.verify(issuer.sign()) == ADA
    await issuers.close()
