"""A document's whole life in a deployment: brought, asked about at both doors, and deleted."""

import asyncio
import secrets
from contextlib import aclosing
from io import BytesIO
from time import perf_counter

from cli.client import Failed, Json, Quire, path_of
from cli.pausing import pauses
from cli.smoke.checking import check_answer, check_certificate

_TYPE = "text/markdown"
# A nonsense word that nobody else's document has, and before the passage that is to be cited
# characters that count once as code points, twice in UTF-16 and more often in UTF-8.
_TEXT = """# The lighthouse of {word}

Sailors 🗼 know it by its lamp, été comme hiver 🌊.

The keeper of the lighthouse of {word} climbs two hundred and twelve steps every evening.
"""
_QUESTION = "How many steps does the keeper of the lighthouse of {word} climb?"


class Tour:
    """Its methods are to be called in their order; each tells what it saw, or raises Failed."""

    def __init__(self, quire: Quire) -> None:
        self._quire = quire
        word = f"zq{secrets.token_hex(4)}"
        self._text = _TEXT.format(word=word)
        self._question = _QUESTION.format(word=word)
        self.filename = f"smoke-{word}.md"
        self._document: Json = {}
        self._uploads: list[asyncio.Task[Json]] = []
        self._sessions: list[asyncio.Task[Json]] = []

    async def look(self) -> str:
        """All that it needs is there."""
        readiness = await self._quire.get("/health/ready", also=(503,))
        checks: Json = readiness.get("checks", {})
        if failing := [
            f"{name} ({check.get('error') or 'failing'})"
            for name, check in checks.items()
            if not check["ok"]
        ]:
            raise Failed(f"Not ready: {', '.join(failing)}.")
        return f"{', '.join(checks)} answer"

    async def upload(self) -> str:
        """A file by a presigned form, past our functions."""
        content = self._text.encode()
        asked = {"filename": self.filename, "content_type": _TYPE, "size": len(content)}
        form = await self._make("/v1/uploads", asked, self._uploads)
        self._document = {"id": form["document_id"]}
        await self._quire.send_form(form["url"], form["fields"], BytesIO(content), _TYPE)
        return f"{self.filename}, {len(content)} bytes"

    async def wait(self) -> str:
        """Until it is served; its text is what was sent."""
        path = path_of("documents", self._id)
        self._document = document = await self._until(path, "ready", "failed")
        if document["status"] == "failed":
            raise Failed(f"It failed: {document['error']}")
        text = await self._quire.text(f"{path}/text?version={document['version']}")
        if text != self._text:
            raise Failed("The text that is kept is not the text that was sent.")
        return f"{document['chunks']} chunk, its text as it was sent"

    async def ask(self) -> str:
        """An answer as a whole, each citation the text's own words."""
        answer = await self._quire.post("/v1/chat", await self._body())
        return check_answer(answer, document=self._document, text=self._text)

    async def stream(self) -> str:
        """The same, word by word, from the streaming app."""
        body = await self._body()
        started, first, answer = perf_counter(), 0.0, Json()
        async with aclosing(self._quire.stream("/v1/chat/stream", body)) as events:
            async for answer in events:
                if answer["event"] == "response_chunk" and not first:
                    first = perf_counter() - started
        if answer["event"] == "incomplete":
            raise Failed(f"The answer is incomplete: {answer['reason']}.")
        seen = check_answer(answer, document=self._document, text=self._text)
        return f"{seen}, first words after {1000 * first:,.0f} ms"

    async def delete(self) -> str:
        """A certificate says what is gone, and nothing is found any more."""
        accepted = await self._quire.delete(path_of("documents", self._id))
        self._uploads.clear()
        job = await self._until(path_of("jobs", accepted["job_id"]), "done", "failed")
        if job["status"] == "failed":
            raise Failed(f"The job {job['id']} failed: {job['error']}")
        seen = check_certificate(job["result"], document=self._document)
        if (await self._quire.post("/v1/retrieve", self._narrowed))["chunks"]:
            raise Failed("It is certified as deleted, and is still found.")
        return seen

    async def tidy(self) -> list[str]:
        """Take away what the tour made and has not deleted; what could not be taken away."""
        left = [
            f"session {session['id']}: {cause}"
            for session in await _ended(self._sessions)
            if (cause := await self._take_away("sessions", session["id"]))
        ]
        left += [
            f"`quire delete {self.filename}`: {cause}"
            for form in await _ended(self._uploads)
            if (cause := await self._take_away("documents", form["document_id"]))
        ]
        return left

    async def _make(self, path: str, body: Json, made: list[asyncio.Task[Json]]) -> Json:
        """What is made goes to `made`, also when who waits is stopped before the answer's here."""
        making = asyncio.create_task(self._quire.post(path, body))
        made.append(making)
        return await asyncio.shield(making)

    async def _take_away(self, kind: str, made: str) -> str | None:
        """Why it could not be."""
        try:
            await self._quire.delete(path_of(kind, made))
        except Failed as failed:
            return failed.message
        return None

    @property
    def _id(self) -> str:
        return str(self._document["id"])

    @property
    def _narrowed(self) -> Json:
        return {"question": self._question, "filters": {"document_id": [self._id]}}

    async def _body(self) -> Json:
        """In a session of its own, made before, so that it can be deleted however asking ends."""
        session = await self._make("/v1/sessions", {"title": self.filename}, self._sessions)
        return {**self._narrowed, "session_id": session["id"], "cache": False}

    async def _until(self, path: str, *statuses: str) -> Json:
        """What is there once it has one of these; a deployment that is busy is asked again."""
        for pause in pauses():
            try:
                found = await self._quire.get(path)
            except Failed as failed:
                if not failed.passing:
                    raise
            else:
                if found["status"] in statuses:
                    return found
            await asyncio.sleep(pause)
        raise AssertionError("There is always a next pause.")


async def _ended(makings: list[asyncio.Task[Json]]) -> list[Json]:
    """What they made; one that was refused made nothing."""
    ended = await asyncio.gather(*makings, return_exceptions=True)
    return [made for made in ended if isinstance(made, dict)]
