"""What a deployment in memory holds, and what becomes of it.

Ingestion and jobs take a step whenever one is looked at, so that nothing depends on time.
"""

import asyncio
import hashlib
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

CAUSE = "There is no text in this file."
CHUNKS = 4
Json = dict[str, Any]
READY: Json = {
    "status": "ready",
    "progress": {"done": CHUNKS, "total": CHUNKS},
    "chunks": CHUNKS,
    "error": None,
}


class Problem(Exception):
    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


@dataclass
class Stored:
    """A document or a job, the hash of its bytes, and what is still to happen to it."""

    shown: Json
    digest: str | None = None
    text: str = ""
    steps: deque[Json] = field(default_factory=deque)
    looks: int = 0

    def look(self) -> Json:
        self.looks += 1
        if self.steps:
            self.shown |= self.steps.popleft()
        return self.shown


class Deployment:
    """`asked` and `received` are what came in: requests' bodies, and uploaded forms."""

    def __init__(self) -> None:
        self.url = ""
        self.documents: dict[str, Stored] = {}
        self.received: list[dict[str, bytes]] = []
        self.asked: list[Json] = []
        self.users: set[str | None] = set()
        self.answer: Json = {}
        self.quotes: str | None = None  # what the answer cites of the newest document
        self.streams = False
        self.ends: list[Json] | None = None  # in place of the answer's own end
        self.gate: asyncio.Event | None = None  # before the answer's last words
        self.sessions: list[Json] = []
        self.session_gate: asyncio.Event | None = None  # before a new session is answered
        self.messages: list[Json] = []
        self.checks: dict[str, Json] = {}
        self.proof: Json = {}
        self.replayed: Json = {}
        self.usage: Json = {}
        self.jobs: dict[str, Stored] = {}
        self.results: dict[str, Json] = {}  # what a job of that kind ends with
        self.job_error: str | None = None  # or why it fails
        self.keys: list[Json] = []
        self.limits: Json = {}  # a tenant's own
        self.busy = 0  # how many looks are refused once something was sent
        self.overloaded = 0  # how many questions are
        self.degraded = 0  # how many are searched by their words alone
        self.allowed: dict[str, int] = {}  # how many uploads, or questions, there may be
        self.counted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.refusing: dict[str, float] = {}  # since when
        self.stuck = False
        self.quick = False
        self.most_at_once = 0
        self.at_once = 0

    async def stream(self) -> AsyncIterator[Json]:
        """The answer's events; its words come in pieces of eleven characters."""
        yield {"event": "retrieval_start"}
        yield {"event": "retrieval_complete", "sources": self.answer["sources"]}
        answer = self.say()
        text = answer["answer"]
        for at in range(0, len(text), 11):
            if self.gate and at + 11 >= len(text):
                await self.gate.wait()
            yield {"event": "response_chunk", "text": text[at : at + 11]}
        end = {name: answer[name] for name in answer if name not in ("answer", "sources")}
        for event in [{"event": "response_complete"}] if self.ends is None else self.ends:
            yield {**end, **event}

    def say(self) -> Json:
        """The answer. What `quotes` says it is told to stand at the end of the newest document."""
        if self.quotes is None:
            return self.answer
        stored = list(self.documents.values())[-1]
        place = {"start": len(stored.text) - len(self.quotes), "end": len(stored.text)}
        about = {"document_id": stored.shown["id"], "version": stored.shown["version"]}
        cited = {"index": 1, "cited_text": self.quotes, **place, **about}
        return self.answer | {"citations": [cited]}

    def count(self, what: str) -> None:
        """One more; what is too many is refused for a second, and from then on no more."""
        self.counted[what] += 1
        if self.counted[what] <= self.allowed.get(what, math.inf):
            return
        began = self.refusing.setdefault(what, time.monotonic())
        if time.monotonic() - began < 1:
            self.refused[what] += 1
            raise Problem(429, "These are too many requests.", **{"Retry-After": "1"})

    def find(self, document_id: str) -> Stored:
        for stored in self.documents.values():
            if stored.shown["id"] == document_id:
                return stored
        raise Problem(404, "There is no such document.")

    def find_job(self, job_id: str) -> Stored:
        if job_id not in self.jobs:
            raise Problem(404, "There is no such job.")
        return self.jobs[job_id]

    def begin(self, kind: str) -> str:
        job: Json = {"id": str(uuid4()), "kind": kind, "status": "queued", "progress": progress(0)}
        end: Json = {"status": "done", "progress": progress(CHUNKS), "result": self.results[kind]}
        if self.job_error:
            end = {"status": "failed", "error": self.job_error}
        running: Json = {"status": "running", "progress": progress(1)}
        self.jobs[job["id"]] = Stored(job, steps=deque([] if self.stuck else [running, end]))
        return str(job["id"])

    def reingest(self, document_id: str) -> Json:
        stored = self.find(document_id)
        new = stored.shown["version"] + 1
        # At first it is as it was, ready with its old version.
        stored.steps.extend([{}, {"version": new, "status": "embedding"}])
        stored.steps.append({"status": "failed", "error": CAUSE} if self.job_error else READY)
        return {"id": document_id, "version": new, "status": "queued"}

    def retrieve(self, question: str, top_k: int) -> list[Json]:
        """Each document is one chunk; those with most of the question's words come first.

        Among equals by name: they come in any order.
        """
        words = set(question.lower().split())

        def shared(stored: Stored) -> int:
            return len(words & set(stored.text.lower().split()))

        named = [self.documents[name] for name in sorted(self.documents)]
        ranked = sorted(named, key=shared, reverse=True)
        return [chunk(stored, index) for index, stored in enumerate(ranked[:top_k], start=1)]

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
        stored.text = content.decode()
        if self.stuck:
            return
        end = {"status": "failed", "error": CAUSE} if b"blank" in content else READY
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


def chunk(of: Stored, index: int) -> Json:
    return {
        "index": index,
        "chunk_id": f"chunk-{of.shown['id']}",
        "document_id": of.shown["id"],
        "version": of.shown["version"],
        "filename": of.shown["filename"],
        "title": of.shown["title"],
        "heading": [],
        "text": of.text,
        "start": 0,
        "end": len(of.text),
        "score": 1 / index,
    }


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
