"""A deployment in memory, over real HTTP: as much of the wire contract as the command speaks.

Ingestion takes a step whenever a document is looked at, so that nothing depends on time.
"""

import hashlib
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

KEY = "secret-key"
REQUEST_ID = "01a2b3"
CAUSE = "There is no text in this file."
CHUNKS = 4
Json = dict[str, Any]


class Problem(Exception):
    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


@dataclass
class Stored:
    """A document, the hash of its bytes, and what is still to happen to it."""

    shown: Json
    digest: str | None = None
    steps: deque[Json] = field(default_factory=deque)

    def look(self) -> Json:
        if self.steps:
            self.shown |= {**self.steps.popleft(), "updated_at": later(self.shown["updated_at"])}
        return self.shown


def later(time: str) -> str:
    """Clocks that only count."""
    return f"2026-11-21T10:00:00.{int(time[20:26]) + 1:06}+00:00"


class Deployment:
    """`asked` and `received` are what came in: requests' bodies, and uploaded forms."""

    def __init__(self) -> None:
        self.url = ""
        self.documents: dict[str, Stored] = {}
        self.received: list[dict[str, bytes]] = []
        self.asked: list[Json] = []
        self.users: set[str | None] = set()
        self.answer: Json = {}
        self.sessions: list[Json] = []
        self.messages: list[Json] = []
        self.checks: dict[str, Json] = {}
        self.busy = 0  # how many looks are refused once something was sent
        self.stuck = False
        self.quick = False
        self.most_at_once = 0
        self.at_once = 0

    def find(self, document_id: str) -> Stored:
        for stored in self.documents.values():
            if stored.shown["id"] == document_id:
                return stored
        raise Problem(404, "There is no such document.")

    def expect(self, filename: str) -> Json:
        new: Json = {
            "id": str(uuid4()),
            "filename": filename,
            "title": filename,
            "version": 1,
            "status": "awaiting_upload",
            "progress": {"done": 0, "total": 0},
            "chunks": 0,
            "tokens": 0,
            "cost_usd": 0.0,
            "error": None,
            "sha256": None,
            "metadata": {},
            "created_at": "2026-11-21T10:00:00.000000+00:00",
            "updated_at": "2026-11-21T10:00:00.000000+00:00",
        }
        return self.documents.setdefault(filename, Stored(new)).shown

    def ingest(self, filename: str, content: bytes) -> None:
        stored = self.documents[filename]
        digest = hashlib.sha256(content).hexdigest()
        if stored.digest == digest:
            return
        again = stored.digest is not None
        stored.digest = digest
        if self.stuck:
            return
        end: Json = {"status": "failed", "error": CAUSE}
        if b"blank" not in content:
            end = {"status": "ready", "progress": progress(CHUNKS), "chunks": CHUNKS}
        version = {
            "version": stored.shown["version"] + again,
            "sha256": digest,
        }
        if self.quick:
            stored.steps.append(version | end)
        else:
            # At first the event is still on its way, and the document as it was.
            stored.steps.append({})
            stored.steps.append(version | {"status": "embedding", "progress": progress(1)})
            stored.steps.append(end)


def progress(done: int) -> Json:
    return {"done": done, "total": CHUNKS}


def page(items: list[Json], limit: int, after: str | None) -> Json:
    start = 1 + [item["id"] for item in items].index(after) if after else 0
    data = items[start : start + limit]
    return {
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(items) > start + limit,
    }


def field_of(part: Message) -> tuple[str, bytes]:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return str(part.get_param("name", header="Content-Disposition")), content


def create_app(to: Deployment) -> FastAPI:
    app = FastAPI()

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> JSONResponse:
        body = {"status": error.status, "detail": error.detail, "request_id": REQUEST_ID}
        return JSONResponse(body, error.status, error.headers, "application/problem+json")

    @app.middleware("http")
    async def authenticate(request: Request, call_next: Any) -> Response:
        if request.url.path.startswith("/v1"):
            to.users.add(request.headers.get("Quire-User"))
            if request.headers.get("Authorization") != f"Bearer {KEY}":
                return await problem(request, Problem(401, "This API key is not known."))
        to.at_once += 1
        to.most_at_once = max(to.most_at_once, to.at_once)
        answer: Response = await call_next(request)
        to.at_once -= 1
        return answer

    @app.post("/v1/uploads", status_code=201)
    async def expect(body: Json) -> Json:
        document = to.expect(body["filename"])
        fields = {
            "Content-Type": body["content_type"],
            "key": body["filename"],
            "size": str(body["size"]),
        }
        url = f"{to.url}/bucket"
        return {"url": url, "fields": fields, "document_id": document["id"]}

    @app.post("/bucket", status_code=204)
    async def store(request: Request) -> Response:
        if "Authorization" in request.headers or "Content-Length" not in request.headers:
            return Response("<Error/>", 400, media_type="application/xml")
        head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        parts = list(message_from_bytes(head + await request.body()).walk())[1:]
        form = dict(field_of(part) for part in parts)
        if list(form)[-1] != "file" or len(form["file"]) != int(form["size"]):
            return Response("<Error/>", 400, media_type="application/xml")
        to.received.append(form)
        to.ingest(form["key"].decode(), form["file"])
        return Response(status_code=204)

    @app.get("/v1/documents")
    async def documents(limit: int, after: str | None = None, status: str | None = None) -> Json:
        shown = [stored.shown for stored in to.documents.values()]
        return page([d for d in shown if status in (None, d["status"])], limit, after)

    @app.get("/v1/documents/{document_id}")
    async def document(document_id: str) -> Json:
        if to.busy and to.received:
            to.busy -= 1
            raise Problem(503, "The postgres is not available right now.", **{"Retry-After": "5"})
        return to.find(document_id).look()

    @app.delete("/v1/documents/{document_id}", status_code=202)
    async def delete(document_id: str) -> Json:
        stored = to.find(document_id)
        stored.shown["status"] = "deleting"
        return {"job_id": document_id}

    @app.get("/v1/jobs/{job_id}")
    async def job(job_id: str) -> Json:
        to.documents = {n: s for n, s in to.documents.items() if s.shown["id"] != job_id}
        return {"id": job_id, "kind": "delete", "status": "done", "error": None}

    @app.post("/v1/chat")
    async def chat(body: Json) -> Json:
        to.asked.append(body)
        if body.get("session_id") not in (None, to.answer["session_id"]):
            raise Problem(404, "There is no such session.")
        return to.answer

    @app.get("/v1/sessions")
    async def sessions(limit: int, after: str | None = None) -> Json:
        return page(to.sessions, limit, after)

    @app.get("/v1/sessions/{session_id}/messages")
    async def messages(session_id: str, limit: int, after: str | None = None) -> Json:
        return page([m for m in to.messages if m["session_id"] == session_id], limit, after)

    @app.get("/health/ready")
    async def ready() -> JSONResponse:
        ok = all(check["ok"] for check in to.checks.values())
        body = {"status": "ok" if ok else "unavailable", "checks": to.checks}
        return JSONResponse(body, 200 if ok else 503)

    return app
