"""What is somebody's, and how a stranger asks for it, at every endpoint of the API's document."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.conftest import Tenant
from tests.documented import Documented
from tests.e2e.conftest import finished, put

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
