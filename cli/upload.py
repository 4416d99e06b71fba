"""Uploading: bytes straight to the storage, then a gentle wait until each document is ready.

A document tells the SHA-256 of its newest bytes. So what is there already is not sent again, and
a document that was ready before is not taken for ready with the new bytes.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

from rich.filesize import decimal
from rich.progress import Progress

from cli.client import Failed, Json, Quire
from cli.files import CountedReader, File, content_type, sha256
from cli.pausing import patiently
from cli.watch import SIDE_BY_SIDE, Awaited, Outcome, Watch

EMPTY = "It is empty."


class Uploading:
    """One run: files are sent side by side, and what was sent is watched meanwhile."""

    def __init__(self, quire: Quire, files: Sequence[File], progress: Progress) -> None:
        self._quire = quire
        self._files = files
        self._gate = asyncio.Semaphore(SIDE_BY_SIDE)
        self._there: dict[str, Json] = {}
        self._read: Counter[str] = Counter()
        self._progress = progress
        self._size = sum(file.size for file in files)
        self._sending = progress.add_task("Sent", total=self._size, amount="")
        self._watch = Watch(quire, [file.name for file in files], progress)

    async def run(self, *, timeout: float) -> list[Outcome]:
        """An outcome for every file; `timeout` in seconds runs once all are sent.

        Raises Failed when nothing could be uploaded, or the deployment is lost on the way.
        """
        # First, so that a wrong key or URL is one error, not one a file.
        await patiently(self._look)
        sending = asyncio.gather(*(self._send(file) for file in self._files))
        return await self._watch.run(sending, timeout=timeout)

    async def _look(self) -> None:
        async for document in self._quire.pages("/v1/documents"):
            self._there[document["filename"]] = document

    async def _send(self, file: File) -> None:
        async with self._gate:
            try:
                await self._send_bytes(file)
            except Failed as failed:
                self._watch.end(file.name, "failed", cause=failed.message)
            except OSError as error:
                cause = f"It cannot be read: {error.strerror}."
                self._watch.end(file.name, "failed", cause=cause)
            finally:
                self._count(file, file.size - self._read[file.name])

    async def _send_bytes(self, file: File) -> None:
        if not file.size:
            raise Failed(EMPTY)
        digest = await asyncio.to_thread(sha256, file)
        there = self._there.get(file.name)
        if there and there["status"] == "ready" and there["sha256"] == digest:
            self._watch.end(file.name, "unchanged", document=there)
            return
        wanted = {"filename": file.name, "content_type": content_type(file), "size": file.size}
        form = await patiently(partial(self._quire.post, "/v1/uploads", wanted))
        with CountedReader(file.path, partial(self._count, file)) as opened:
            await self._quire.send_form(form["url"], form["fields"], opened, content_type(file))
        self._watch.add(
            Awaited(
                filename=file.name,
                document_id=form["document_id"],
                is_new=lambda document: bool(document["sha256"] == digest),
            )
        )

    def _count(self, file: File, size: int) -> None:
        self._read[file.name] += size
        amount = f"{decimal(self._read.total())} of {decimal(self._size)}"
        self._progress.update(self._sending, advance=size, amount=amount)
