"""Every request to Qdrant that looks at points names one tenant, whatever asks for it."""

import inspect
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.ports import free_ports
from local.web_server import WebServer
from quire.domain import Chunk, Collection, Sparse
from quire.retrieval.filters import Filters
from quire.retrieval.index import Index

COLLECTION = Collection(name="c", model="m", dimensions=2)
DOCUMENT, POINT = uuid4(), uuid4()
CHUNK = Chunk(
    id=POINT,
    document=DOCUMENT,
    version=1,
    filename="a.md",
    title="A",
    ordinal=0,
    start=0,
    end=1,
    text="a",
)
SPARSE = Sparse(indices=(1,), values=(1.0,))
# By method: its arguments after the collection. A new one has to be put here.
CALLS: dict[str, dict[str, Any]] = {
    "upsert": {"tenant": "acme", "chunks": [CHUNK], "dense": [[1.0, 0.0]], "bm25": [SPARSE]},
    "search": {
        "tenant": "acme",
        "dense": [1.0, 0.0],
        "bm25": SPARSE,
        "filters": Filters(document_id=[str(DOCUMENT)]),
        "without": [(DOCUMENT, 2)],
        "limit": 3,
    },
    "delete": {"tenant": "acme", "document": DOCUMENT},
    "delete_points": {"tenant": "acme", "points": [POINT]},
    "delete_tenant": {"tenant": "acme"},
    "points": {"tenant": "acme", "document": DOCUMENT},
    "count_tenant": {"tenant": "acme"},
}
# Of collections as wholes: no point of anybody's is shown or touched by name.
OF_COLLECTIONS = {"ensure", "count", "drop", "close"}


class Recorded:
    def __init__(self) -> None:
        self.bodies: list[Any] = []

    async def answer(self, request: Request) -> JSONResponse:
        body = await request.body()
        self.bodies.append(json.loads(body) if body else None)
        results: dict[str, Any] = {
            "points/query/batch": [{"points": []} for _ in self.bodies[-1].get("searches", [])],
            "points/scroll": {"points": [], "next_page_offset": None},
            "points/count": {"count": 0},
        }
        _, _, what = request.url.path.partition("/collections/c/")
        result = results.get(what, {"operation_id": 0, "status": "completed"})
        return JSONResponse({"result": result, "status": "ok", "time": 0.0})


@pytest.fixture
async def recorded() -> AsyncIterator[tuple[Recorded, Index]]:
    server, (port,) = Recorded(), free_ports(1)
    route = Route("/{path:path}", server.answer, methods=["GET", "POST", "PUT", "DELETE"])
    listening = WebServer(Starlette(routes=[route]), name="qdrant", port=port)
    await listening.start()
    index = Index(f"http://127.0.0.1:{port}", api_key=None)
    yield server, index
    await index.close()
    await listening.stop()


def methods() -> list[str]:
    return [
        name
        for name, _ in inspect.getmembers(Index, inspect.iscoroutinefunction)
        if not name.startswith("_") and name not in OF_COLLECTIONS
    ]


def names_the_tenant(query: Any) -> bool:
    """A filter that has to hold, and not one of several ways to be found."""
    conditions = (query.get("filter") or {}).get("must") or []
    return {"key": "tenant", "match": {"value": "acme"}} in [
        {name: value for name, value in condition.items() if value is not None}
        for condition in conditions
    ]


@pytest.mark.parametrize("method", methods())
async def test_a_tenant_is_named(recorded: tuple[Recorded, Index], method: str) -> None:
    server, index = recorded
    await getattr(index, method)(COLLECTION, **CALLS[method])
    assert server.bodies
    for body in server.bodies:
        if "points" in body and "filter" not in body:  # written, under its tenant's name
            assert [point["payload"]["tenant"] for point in body["points"]] == ["acme"]
        else:
            queries = body.get("searches", [body])
            assert queries
            for query in queries:
                assert names_the_tenant(query), query
                for first in query.get("prefetch") or []:
                    assert names_the_tenant(first), first
