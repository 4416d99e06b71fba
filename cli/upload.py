"""Uploading: bytes straight to the storage, then a gentle wait until each document is ready.

A document tells the SHA-256 of its newest bytes. So what is there already is not sent again, and
a document that was ready before is not taken for ready with the new bytes.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from rich.filesize import decimal
from rich.progress import Progress

from cli.client import Failed, Json, Quire, path_of, pauses
from cli.files import CountedReader, File, content_type, sha256

SIDE_BY_SIDE = 8

Ending = Literal["ready", "unchanged", "failed", "unfinished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the upload of one file ended; `cause` says why its document is not ready."""

    filename: str
    outcome: Ending
    document_id: str | None = None
    chunks: int = 0
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A file given to the storage, and the document it becomes."""

    file: File
    sha256: str
    document_id: str


class Uploading:
    """One run: files are sent side by side, and what was sent is watched meanwhile."""

    def __init__(self, quire: Quire, files: Sequence[File], progress: Progress) -> None:
        self._quire = quire
        self._files = files
        self._gate = asyncio.Semaphore(SIDE_BY_SIDE)
        self._waiting: deque[Sent] = deque()
        self._there: dict[str, Json] = {}
        self._documents: dict[str, Json] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._read: Counter[str] = Counter()
        self._progress = progress
        self._size = sum(file.size for file in files)
        self._sending = progress.add_task("Sent", total=self._size, amount="")
        self._ending = progress.add_task("Ready", total=len(files), amount="")

    async def run(self, *, timeout: float) -> list[Outcome]:
        """An outcome for every file; `timeout` in seconds runs once all are sent.

        Raises Failed when nothing could be uploaded, or the deployment is lost on the way.
        """
        # First, so that a wrong key or URL is one error, not one a file.
        async for document in self._quire.pages("/v1/documents"):
            self._there[document["filename"]] = document
        watching = asyncio.create_task(self._watch())
        await asyncio.gather(*(self._send(file) for file in self._files))
        try:
            async with asyncio.timeout(timeout):
                await watching
        except TimeoutError:
            for file in self._files:
                if file.name not in self._outcomes:
                    status = self._documents.get(file.name, {}).get("status", "on its way")
                    self._end(file, "unfinished", cause=f"still {status} after {timeout:g} s")
        return [self._outcomes[file.name] for file in self._files]

    async def _send(self, file: File) -> None:
        async with self._gate:
            try:
                await self._send_bytes(file)
            except Failed as failed:
                self._end(file, "failed", cause=failed.message)
            except OSError as error:
                self._end(file, "failed", cause=f"It cannot be read: {error.strerror}.")
            finally:
                self._count(file, file.size - self._read[file.name])

    async def _send_bytes(self, file: File) -> None:
        if not file.size:
            raise Failed("It is empty.")
        digest = await asyncio.to_thread(sha256, file)
        there = self._there.get(file.name)
        if there and there["status"] == "ready" and there["sha256"] == digest:
            self._documents[file.name] = there
            self._end(file, "unchanged")
            return
        form = await self._quire.post(
            "/v1/uploads",
            {"filename": file.name, "content_type": content_type(file), "size": file.size},
        )
        with CountedReader(file.path, partial(self._count, file)) as opened:
            await self._quire.send_form(form["url"], form["fields"], opened, content_type(file))
        self._waiting.append(Sent(file=file, sha256=digest, document_id=form["document_id"]))

    async def _watch(self) -> None:
        """Look at those that wait in turn, never at many at once, until each has its outcome."""
        growing = pauses()
        while len(self._outcomes) < len(self._files):
            batch = [self._waiting.popleft() for _ in range(min(SIDE_BY_SIDE, len(self._waiting)))]
            if any(await asyncio.gather(*(self._look_at(sent) for sent in batch))):
                growing = pauses()
            else:
                await asyncio.sleep(next(growing))

    async def _look_at(self, sent: Sent) -> bool:
        try:
            document = await self._document(sent)
        except Failed as failed:
            if not failed.passing:
                raise
        else:
            if is_settled(document, sent):
                self._settle(sent, document)
                return True
        self._waiting.append(sent)
        return False

    async def _document(self, sent: Sent) -> Json:
        document = await self._quire.get(path_of("documents", sent.document_id))
        self._documents[sent.file.name] = document
        self._show()
        return document

    def _settle(self, sent: Sent, document: Json) -> None:
        if document["status"] == "ready":
            self._end(sent.file, "ready")
        elif document["status"] == "failed":
            self._end(sent.file, "failed", cause=document["error"] or "It failed without a cause.")
        else:
            self._end(sent.file, "failed", cause="It is being deleted; upload it again then.")

    def _end(self, file: File, outcome: Ending, *, cause: str | None = None) -> None:
        document = self._documents.get(file.name, {})
        self._outcomes[file.name] = Outcome(
            filename=file.name,
            outcome=outcome,
            document_id=document.get("id"),
            chunks=document.get("chunks", 0),
            cause=cause,
        )
        self._show()

    def _count(self, file: File, size: int) -> None:
        self._read[file.name] += size
        amount = f"{decimal(self._read.total())} of {decimal(self._size)}"
        self._progress.update(self._sending, advance=size, amount=amount)

    def _show(self) -> None:
        seen = [document["progress"] for document in self._documents.values()]
        done, total = sum(p["done"] for p in seen), sum(p["total"] for p in seen)
        self._progress.update(
            self._ending,
            completed=len(self._outcomes),
            amount=f"{len(self._outcomes)} of {len(self._files)} · {done} of {total} chunks",
        )


def is_settled(document: Json, sent: Sent) -> bool:
    """Whether the document is done, and done with what was sent."""
    if document["status"] in ("deleting", "deleted"):
        return True
    if document["status"] not in ("ready", "failed"):
        return False
    return bool(document["sha256"] == sent.sha256)
