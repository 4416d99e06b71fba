"""Two tenants and two users at every route and every table: nothing of the other is found.

The routes are those of the API's own document, the tables those of the catalog: what is added there
without its wall fails here.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.types.json import Jsonb

from local.provision import BUCKET
from local.stack import Stack
from quire.store.database import Database
from tests.conftest import Tenant
from tests.documented import Documented
from tests.e2e.conftest import Owner, finished, put

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

QUESTION = "Which joint wants grease number seventy-seven?"
# Whose a thing is that a path names; a new kind of thing has to be put here.
WALLED_FOR = {
    "session_id": "user",
    "message_id": "user",
    "document_id": "tenant",
    "job_id": "tenant",
    "key_id": "tenant",
    "tenant_id": "tenant",
    "user_id": "tenant",
    "model": "nobody",
}
# Of both tenants, and in none of the document's examples.
ADA = "ada of two tenants"
# After which its caller is nobody any more.
ENDS_THE_WALK = "DELETE /v1/admin/users/{user_id}"
# Without rows of any tenant: which index serves them all, and where the schema is.
EVERYBODYS = {"collections", "alembic_version"}
# What differs from one look to the next.
PASSING = re.compile(r'"(last_accessed|updated_at)": ?"[^"]+"')


@dataclass(frozen=True)
class Belongings:
    """What is Ada's, or her tenant's: `ids` by the name that a path has for them.

    The marks are words that nobody else has: in her session, and in her tenant's document.
    """

    tenant: Tenant
    user: str
    ids: dict[str, str]
    users_mark: str
    tenants_mark: str

    def secrets(self, kind: str) -> set[str]:
        """What a stranger must not be shown: another user, or another tenant's."""
        users = {self.ids[n] for n, walled in WALLED_FOR.items() if walled == "user"}
        if kind == "user":
            return {self.users_mark, *users}
        tenants = {self.ids[name] for name in ("document_id", "job_id", "key_id", "tenant_id")}
        return {self.users_mark, self.tenants_mark, *users, *tenants}


@dataclass(frozen=True)
class Asked:
    """One request for an endpoint; `named` are the ids that are in its path."""

    endpoint: str
    method: str
    path: str
    body: dict[str, Any] | None
    named: frozenset[str]


def requests(ids: dict[str, str], *, session: str | None) -> Iterator[Asked]:
    """One for every endpoint of the document, deletions last."""
    documented = Documented()
    for method, path, spec in sorted(documented.endpoints(), key=lambda e: e[0] == "DELETE"):
        named = re.findall(r"\{(\w+)\}", path)
        body = spec.get("requestBody", {}).get("content", {}).get("application/json", {})
        asked = dict(body.get("example") or {})
        if "question" in asked:
            asked["question"] = QUESTION
        if "messages" in asked:
            asked["messages"] = [{"role": "user", "content": QUESTION}]
        if session and "question" in asked and path.startswith("/v1/chat"):
            asked["session_id"] = session
        if spec["security"]:
            filled = path.format(**{name: ids[name] for name in named})
            yield Asked(f"{method} {path}", method, filled, asked or None, frozenset(named))


async def ask(client: httpx.AsyncClient, asked: Asked) -> httpx.Response:
    # The same key for all who ask at a door: what was answered to one is not for the next.
    key = f"{asked.endpoint} {client.base_url.port}"
    repeated = {"Idempotency-Key": key} if asked.method == "POST" else {}
    body = {} if asked.body is None else {"json": asked.body}
    return await client.request(asked.method, asked.path, headers=repeated, **body)  # type: ignore[arg-type]


def shown(answer: httpx.Response) -> str:
    """What an answer tells, but for a problem's echo of the address."""
    text = answer.text
    if answer.is_error:
        text = str({**answer.json(), "instance": None})
    return text + str(dict(answer.headers))


@pytest.fixture
async def door(stack: Stack) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Clients at either front door."""
    opened: list[httpx.AsyncClient] = []

    def open_door(headers: dict[str, str], *, streamed: bool = False) -> httpx.AsyncClient:
        configured = stack.configuration
        url = configured.stream_url if streamed else configured.api_url
        opened.append(httpx.AsyncClient(base_url=url, headers=headers, timeout=40))
        return opened[-1]

    yield open_door
    for client in opened:
        await client.aclose()


async def belongings(client: httpx.AsyncClient, tenant: Tenant, user: str) -> Belongings:
    users_mark, tenants_mark = (f"{word}{secrets.token_hex(6)}" for word in ("ginger", "saffron"))
    text = f"# Joints\n\nThe {tenants_mark} joint wants grease number seventy-seven.\n"
    document = await put(client, "joints.md", text)
    session = (await client.post("/v1/sessions", json={"title": users_mark})).json()["id"]
    asked = {"question": f"{QUESTION} {users_mark}", "session_id": session}
    turn = (await client.post("/v1/chat", json=asked)).json()
    message = turn["message_id"]
    rated = {"rating": "up", "comment": users_mark}
    await client.post(f"/v1/messages/{message}/feedback", json=rated)
    await client.put("/v1/admin/persona", json={"name": tenants_mark})
    key = await client.post("/v1/admin/keys", json={"name": tenants_mark, "scopes": ["ask"]})
    job = await finished(client, await client.post("/v1/admin/jobs", json={"kind": "reconcile"}))
    ids = {
        "session_id": session,
        "message_id": message,
        "document_id": document["id"],
        "job_id": job["id"],
        "key_id": key.json()["id"],
        "tenant_id": tenant.id,
        "user_id": user,
        "model": "quire",
    }
    return Belongings(tenant, user, ids, users_mark, tenants_mark)


async def looks(client: httpx.AsyncClient, ids: dict[str, str]) -> list[str]:
    """What is to be seen of all that is Ada's, whatever others try."""
    paths = (
        "/v1/sessions/{session_id}",
        "/v1/sessions/{session_id}/export",
        "/v1/documents/{document_id}",
        "/v1/documents/{document_id}/text",
        "/v1/documents/{document_id}/proof",
        "/v1/jobs/{job_id}",
        "/v1/admin/keys",
        "/v1/admin/persona",
    )
    answers = [await client.get(path.format(**ids)) for path in paths]
    return [PASSING.sub("", answer.raise_for_status().text) for answer in answers]


async def test_no_route_shows_a_stranger_anything(
    door: Callable[..., httpx.AsyncClient],
    make_tenant: Callable[..., Awaitable[Tenant]],
    stack: Stack,
    owner: Owner,
    s3: "S3Client",
) -> None:
    mine, theirs = await make_tenant(), await make_tenant()
    ada = door(mine.headers(ADA))
    hers = await belongings(ada, mine, ADA)
    for client in (ada, door(mine.headers(ADA), streamed=True)):
        for asked in requests(hers.ids, session=hers.ids["session_id"]):
            if asked.method not in ("DELETE", "PUT"):
                await ask(client, asked)
    bobs = await ada.post(
        "/v1/admin/keys", json={"name": "bob's", "scopes": ["ask", "ingest"], "user_id": "bob"}
    )
    bob = {"Authorization": f"Bearer {bobs.json()['key']}"}
    before = await looks(ada, hers.ids)
    assert any(hers.users_mark in look for look in before)
    assert any(hers.tenants_mark in look for look in before)

    for kind, headers, streamed in (
        ("user", bob, False),
        ("user", bob, True),
        ("tenant", theirs.headers(ADA), False),
        ("tenant", theirs.headers(ADA), True),
    ):
        client = door(headers, streamed=streamed)
        for asked in requests(hers.ids, session=hers.ids["session_id"]):
            walls = {WALLED_FOR[name] for name in asked.named}
            if asked.endpoint == ENDS_THE_WALK or (kind == "user" and "tenant" in walls):
                continue  # what is the tenant's is Bob's as well
            answer = await ask(client, asked)
            told = shown(answer)
            found = {secret for secret in hers.secrets(kind) if secret in told}
            assert not found, f"{asked.endpoint} shows another {kind} {found}: {told}"
            assert "idempotent-replayed" not in answer.headers, asked.endpoint
            if walls & {"user", "tenant"}:
                assert answer.status_code in (403, 404), f"{asked.endpoint}: {told}"
            if asked.body and "session_id" in asked.body:
                assert answer.status_code == 404, f"{asked.endpoint}: {told}"
        # Nor without her session, in what is found, said or remembered.
        for asked in requests(hers.ids, session=None):
            if asked.body and not asked.named:
                client.headers["Idempotency-Key"] = secrets.token_hex(8)
                told = shown(await client.request(asked.method, asked.path, json=asked.body))
                assert not {secret for secret in hers.secrets(kind) if secret in told}, told

    gone = await door(theirs.headers()).delete(f"/v1/admin/users/{ADA}")
    assert (await finished(door(theirs.headers()), gone))["result"]["tenant_id"] == theirs.id
    assert await looks(ada, hers.ids) == before
    await no_table_shows_a_stranger_anything(stack, owner, mine, theirs)
    await no_object_is_nobodys(owner, s3)


async def no_table_shows_a_stranger_anything(
    stack: Stack, owner: Owner, mine: Tenant, theirs: Tenant
) -> None:
    database = Database(stack.app_url, connections=1)
    for tenant in (mine, theirs):
        await owner.execute(
            """insert into rate_limits (tenant_id, subject, tokens) values (%s, 'walled', 1)
               on conflict do nothing""",
            [tenant.id],
        )
    named = await owner.execute(
        """select relname from pg_class
           where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"""
    )
    for (table,) in await named.fetchall():
        if table in EVERYBODYS:
            continue
        held = await owner.execute(f"select count(*) from {table} where tenant_id = %s", [mine.id])
        assert (await held.fetchall())[0][0], f"{table} has nothing to be found; give it a row"
        for nosy in (theirs.id, None):
            (seen,) = await database.run(nosy, (f"select distinct tenant_id from {table}", []))
            assert {row["tenant_id"] for row in seen} <= {nosy}, table
            for change in (f"update {table} set tenant_id = tenant_id", f"delete from {table}"):
                wanted = (f"{change} where tenant_id = %s returning 1", [mine.id])
                try:
                    (changed,) = await database.run(nosy, wanted)
                except InsufficientPrivilege:  # nobody's to write
                    changed = []
                assert changed == [], table
        with pytest.raises(InsufficientPrivilege):
            await database.run(
                theirs.id,
                (
                    f"""insert into {table}
                        select (jsonb_populate_record(null::{table}, %s)).*""",
                    [Jsonb({"tenant_id": mine.id})],
                ),
            )
    await database.close()


async def no_object_is_nobodys(owner: Owner, s3: "S3Client") -> None:
    """Every object is below its tenant's own name."""
    known = await owner.execute("select tenant_id from tenants")
    tenants = {str(row[0]) for row in await known.fetchall()}
    listed = await asyncio.to_thread(s3.list_objects_v2, Bucket=BUCKET)
    keys = [item["Key"].split("/") for item in listed.get("Contents", [])]
    assert keys
    assert {parts[0] for parts in keys} <= {"uploads", "texts", "exports"}
    assert {parts[1] for parts in keys} <= tenants
