"""Watching documents that are on their way, gently, until each is ready or has failed."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from rich.progress import Progress

from cli import terminal
from cli.client import Failed, Json, Quire, path_of
from cli.pausing import patiently, pauses

SIDE_BY_SIDE = 8

Ending = Literal["ready", "unchanged", "failed", "unfinished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended with one document; `cause` says why it is not ready."""

    filename: str
    outcome: Ending
    document_id: str | None = None
    chunks: int = 0
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """A document on its way; `is_new` tells what was waited for from what was there before."""

    filename: str
    document_id: str
    is_new: Callable[[Json], bool]


class Watch:
    """Documents are added while others are watched; each ends with one outcome."""

    def __init__(self, quire: Quire, filenames: Sequence[str], progress: Progress) -> None:
        self._quire = quire
        self._filenames = filenames
        self._waiting: deque[Awaited] = deque()
        self._documents: dict[str, Json] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._progress = progress
        self._bar = progress.add_task("Ready", total=len(filenames), amount="")

    def add(self, awaited: Awaited) -> None:
        self._waiting.append(awaited)

    def end(
        self,
        filename: str,
        outcome: Ending,
        *,
        document: Json | None = None,
        cause: str | None = None,
    ) -> None:
        if document:
            self._documents[filename] = document
        last_seen = self._documents.get(filename, {})
        self._outcomes[filename] = Outcome(
            filename=filename,
            outcome=outcome,
            document_id=last_seen.get("id"),
            chunks=last_seen.get("chunks", 0),
            cause=cause,
        )
        self._show()

    async def run(self, bringing: Awaitable[object], *, timeout: float) -> list[Outcome]:
        """An outcome for every document; `bringing` adds them or ends them.

        `timeout` in seconds runs once all are brought. Raises Failed when the deployment is lost.
        """
        watching = asyncio.create_task(self._watch())
        await bringing
        try:
            async with asyncio.timeout(timeout):
                await watching
        except TimeoutError:
            for name in self._filenames:
                if name not in self._outcomes:
                    status = self._documents.get(name, {}).get("status", "on its way")
                    self.end(name, "unfinished", cause=f"still {status} after {timeout:g} s")
        except asyncio.CancelledError:  # Ctrl-C
            terminal.aside("Ingestion goes on; `quire documents` tells how far it is.")
            raise
        return [self._outcomes[name] for name in self._filenames]

    async def _watch(self) -> None:
        """Look at those that wait in turn, never at many at once, until each has its outcome."""
        growing = pauses()
        while len(self._outcomes) < len(self._filenames):
            batch = [self._waiting.popleft() for _ in range(min(SIDE_BY_SIDE, len(self._waiting)))]
            if any(await asyncio.gather(*(self._look_at(awaited) for awaited in batch))):
                growing = pauses()
            else:
                await asyncio.sleep(next(growing))

    async def _look_at(self, awaited: Awaited) -> bool:
        try:
            path = path_of("documents", awaited.document_id)
            document = await patiently(partial(self._quire.get, path))
        except Failed as failed:
            if not failed.passing:
                raise
        else:
            self._documents[awaited.filename] = document
            self._show()
            if is_settled(document, awaited):
                self._settle(awaited.filename, document)
                return True
        self._waiting.append(awaited)
        return False

    def _settle(self, filename: str, document: Json) -> None:
        if document["status"] == "ready":
            self.end(filename, "ready")
        elif document["status"] == "failed":
            self.end(filename, "failed", cause=document["error"] or "It failed without a cause.")
        else:
            self.end(filename, "failed", cause="It is being deleted; upload it again then.")

    def _show(self) -> None:
        seen = [document["progress"] for document in self._documents.values()]
        done, total = sum(p["done"] for p in seen), sum(p["total"] for p in seen)
        self._progress.update(
            self._bar,
            completed=len(self._outcomes),
            amount=f"{len(self._outcomes)} of {len(self._filenames)} · {done} of {total} chunks",
        )


def is_settled(document: Json, awaited: Awaited) -> bool:
    """Whether the document is done, and done with what was waited for."""
    if document["status"] in ("deleting", "deleted"):
        return True
    if document["status"] not in ("ready", "failed"):
        return False
    return awaited.is_new(document)
