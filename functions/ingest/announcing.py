"""Tells of documents that became ready or failed: in the log, and on a bus where there is one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from functions.ingest.work import Work
from quire.errors import Unavailable
from quire.events import Events
from quire.metrics import Metric, measure
from quire.observability import log

_COUNTED = {"DocumentReady": Metric.DOCUMENTS_READY, "DocumentFailed": Metric.DOCUMENTS_FAILED}


class Announcer:
    def __init__(self, events: Events | None) -> None:
        self._events = events

    async def ready(self, works: Sequence[Work]) -> None:
        await self._tell(
            [
                ("DocumentReady", _detail(work.tenant, work.document, work.filename))
                for work in works
            ]
        )

    async def failed(self, tenant: str, document: UUID, filename: str, cause: str) -> None:
        await self._tell(
            [("DocumentFailed", {**_detail(tenant, document, filename), "error": cause})]
        )

    async def _tell(self, details: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        for kind, detail in details:
            log.info(kind, tenant=detail["tenant"], document_id=detail["document"])
            measure(_COUNTED[kind])
        if self._events and details:
            try:
                await self._events.publish(details)
            except Unavailable:
                # The document is what it is, whether anybody hears of it or not.
                log.warning("the bus was not reached", untold=len(details))


def _detail(tenant: str, document: UUID, filename: str) -> dict[str, Any]:
    return {"tenant": tenant, "document": str(document), "filename": filename}
