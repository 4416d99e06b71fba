"""A deployment in memory, over real HTTP: as much of the wire contract as the command speaks."""

import json
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import Message
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tests.integration.cli.deployment import Deployment, Json, Problem, page

KEY = "secret-key"
READING_KEY = "reading-key"
REQUEST_ID = "01a2b3"
STAGE = {"key_requests": 600, "requests": 3000, "streams": None, "tokens": None, "dollars": None}


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
            key = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if key not in (KEY, READING_KEY):
                return await problem(request, Problem(401, "This API key is not known."))
            if key == READING_KEY and request.url.path.startswith("/v1/admin"):
                return await problem(request, Problem(403, "This key lacks the scope 'admin'."))
        to.at_once += 1
        to.most_at_once = max(to.most_at_once, to.at_once)
        answer: Response = await call_next(request)
        to.at_once -= 1
        return answer

    @app.post("/v1/uploads", status_code=201)
    async def expect(body: Json) -> Json:
        to.count("uploads")
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
            raise Problem(503, "The postgres is not available right now.", **{"Retry-After": "1"})
        return to.find(document_id).look()

    @app.get("/v1/documents/{document_id}/text")
    async def text(document_id: str) -> Response:
        return Response(to.find(document_id).text, media_type="text/plain")

    @app.post("/v1/retrieve")
    async def retrieve(body: Json) -> Json:
        to.count("questions")
        if to.overloaded:
            to.overloaded -= 1
            raise Problem(503, "The qdrant is not available right now.", **{"Retry-After": "1"})
        if unknown := set(body) - {"question", "top_k", "filters"}:
            raise Problem(422, f"These fields are not known: {', '.join(unknown)}.")
        to.usage["total"]["requests"] += 1
        to.asked.append(body)
        chunks = to.retrieve(body["question"], body.get("top_k", 8))
        without = ["embeddings"] if to.degraded > 0 else []
        to.degraded -= 1
        return {
            "chunks": chunks,
            "degraded": without,
            "timings": {"embed": 2.0, "search": 3.0},
        }

    @app.get("/v1/documents/{document_id}/proof")
    async def proof(document_id: str) -> Json:
        to.find(document_id)
        return to.proof

    @app.post("/v1/documents/{document_id}/reingest", status_code=202)
    async def reingest(document_id: str) -> Json:
        return to.reingest(document_id)

    @app.delete("/v1/documents/{document_id}", status_code=202)
    async def delete(document_id: str) -> Json:
        gone = to.find(document_id).shown["filename"]
        job_id = to.begin("purge")
        if not to.stuck and not to.job_error:
            del to.documents[gone]
        return {"job_id": job_id}

    @app.get("/v1/jobs/{job_id}")
    async def job(job_id: str) -> Json:
        return to.find_job(job_id).look()

    @app.post("/v1/admin/jobs", status_code=202)
    async def begin(body: Json) -> Json:
        to.asked.append(body)
        return {"job_id": to.begin(body["kind"])}

    @app.get("/v1/admin/jobs")
    async def jobs(limit: int, after: str | None = None) -> Json:
        return page([stored.shown for stored in to.jobs.values()], limit, after)

    @app.get("/v1/admin/keys")
    async def keys(limit: int, after: str | None = None) -> Json:
        return page(to.keys, limit, after)

    @app.delete("/v1/admin/tenants/{tenant}", status_code=202)
    async def erase(tenant: str) -> Json:
        to.asked.append({"tenant_id": tenant})
        return {"job_id": to.begin("erase")}

    @app.get("/archive")
    async def archive() -> Response:
        return Response(b"archive")

    @app.get("/v1/admin/tenants/{tenant}/limits")
    async def limits(tenant: str) -> Json:
        own = {name: to.limits.get(name) for name in STAGE}
        return {"tenant_id": tenant, **own, "in_force": {**STAGE, **to.limits}}

    @app.put("/v1/admin/tenants/{tenant}/limits")
    async def limit(tenant: str, body: Json) -> Json:
        to.limits = {name: value for name, value in body.items() if value is not None}
        return await limits(tenant)

    @app.post("/v1/chat")
    async def chat(body: Json) -> Json:
        to.asked.append(body)
        if body.get("session_id") not in (None, to.answer["session_id"]):
            raise Problem(404, "There is no such session.")
        return to.say()

    @app.post("/v1/chat/stream")
    async def stream(body: Json) -> Response:
        if not to.streams:
            return Response("<html>", 404, media_type="text/html")
        await chat(body)

        async def events() -> AsyncIterator[str]:
            number = 0
            async for event in to.stream():
                number += 1
                told = json.dumps(event, ensure_ascii=False)
                yield f": comment\n\nevent: {event['event']}\ndata: {told}\nid: {number}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    @app.post("/v1/sessions", status_code=201)
    async def begin_session(body: Json) -> Json:
        to.sessions.append(session := {"id": to.answer["session_id"], **body})
        if to.session_gate:
            await to.session_gate.wait()
        return session

    @app.delete("/v1/sessions/{session_id}", status_code=204)
    async def end_session(session_id: str) -> None:
        to.sessions.remove(next(s for s in to.sessions if s["id"] == session_id))

    @app.get("/v1/sessions")
    async def sessions(limit: int, after: str | None = None) -> Json:
        return page(to.sessions, limit, after)

    @app.get("/v1/sessions/{session_id}/messages")
    async def messages(session_id: str, limit: int, after: str | None = None) -> Json:
        return page([m for m in to.messages if m["session_id"] == session_id], limit, after)

    @app.post("/v1/messages/{message_id}/replay")
    async def replay(message_id: str) -> Json:
        if message_id != to.replayed["message_id"]:
            raise Problem(404, "There is no such message.")
        return to.replayed

    @app.get("/v1/usage")
    async def usage(request: Request) -> Json:
        to.asked.append(dict(request.query_params))
        return to.usage

    @app.get("/health/ready")
    async def ready() -> JSONResponse:
        ok = all(check["ok"] for check in to.checks.values())
        body = {"status": "ok" if ok else "unavailable", "checks": to.checks}
        return JSONResponse(body, 200 if ok else 503)

    return app
