"""The routes of the laptop's Qdrant: parse with the client's models, translate, call, answer."""

import functools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ParamSpec

import qdrant_edge as edge
from fastapi import APIRouter, Depends, Request, Response
from pydantic_core import to_json
from qdrant_client.http import models

from local.qdrant_collections import Collection, Collections
from local.qdrant_schema import payload_index
from local.qdrant_translation import (
    DEFAULT_LIMIT,
    Refused,
    filter_,
    optional_filter,
    point,
    point_id,
    point_ids,
    query,
    record,
    require_only,
    scored,
    unsupported,
    with_payload,
)

Arguments = ParamSpec("Arguments")

COMPLETED = models.UpdateResult(status=models.UpdateStatus.COMPLETED)

router = APIRouter()


def json_answer(content: object, *, status: int = 200) -> Response:
    return Response(to_json(content), status_code=status, media_type="application/json")


def enveloped(
    endpoint: Callable[Arguments, Awaitable[Any]],
) -> Callable[Arguments, Awaitable[Response]]:
    """The endpoint's result in Qdrant's envelope, and the engine's errors as refusals."""

    @functools.wraps(endpoint)
    async def answer(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Response:
        start = time.perf_counter()
        with _engine_errors():
            result = await endpoint(*args, **kwargs)
        spent = time.perf_counter() - start
        return json_answer({"result": result, "status": "ok", "time": spent})

    return answer


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Engine → Refused. The engine raises bare exceptions, told apart by their text alone."""
    try:
        yield
    except Exception as error:
        if type(error) not in (Exception, ValueError):
            raise
        message = str(error)
        if message.startswith("No point with id"):
            raise Refused(404, f"Not found: {message}") from error
        raise Refused(500 if message.startswith("Service ") else 400, message) from error


async def _collections(request: Request) -> Collections:
    collections: Collections = request.app.state.collections
    return collections


All = Annotated[Collections, Depends(_collections)]


async def _collection(name: str, collections: All) -> Collection:
    return collections[name]


One = Annotated[Collection, Depends(_collection)]


@router.get("/collections")
@enveloped
async def list_collections(collections: All) -> Any:
    return {"collections": [{"name": name} for name in collections]}


@router.get("/collections/{name}/exists")
@enveloped
async def collection_exists(name: str, collections: All) -> Any:
    return {"exists": name in collections}


@router.put("/collections/{name}")
@enveloped
async def create_collection(name: str, body: models.CreateCollection, collections: All) -> Any:
    collections.create(name, body)
    return True


@router.get("/collections/{name}")
@enveloped
async def get_collection(collection: One) -> Any:
    return collection.info()


@router.delete("/collections/{name}")
@enveloped
async def delete_collection(name: str, collections: All) -> Any:
    return collections.delete(name)


@router.post("/collections/aliases")
@enveloped
async def change_aliases(body: models.ChangeAliasesOperation, collections: All) -> Any:
    collections.change_aliases(body.actions)
    return True


@router.get("/aliases")
@enveloped
async def list_aliases(collections: All) -> Any:
    return _aliases(collections.aliases)


@router.get("/collections/{name}/aliases")
@enveloped
async def list_collection_aliases(name: str, collections: All) -> Any:
    return _aliases({alias: of for alias, of in collections.aliases.items() if of == name})


def _aliases(aliases: dict[str, str]) -> dict[str, Any]:
    return {
        "aliases": [{"alias_name": alias, "collection_name": of} for alias, of in aliases.items()]
    }


@router.put("/collections/{name}/index")
@enveloped
async def create_payload_index(collection: One, body: models.CreateFieldIndex) -> Any:
    collection.update(payload_index(body))
    return COMPLETED


@router.put("/collections/{name}/points")
@enveloped
async def upsert(collection: One, body: models.PointInsertOperations) -> Any:
    if isinstance(body, models.PointsBatch):
        raise unsupported("points in columns")
    require_only(body, "points")
    points = [point(item) for item in body.points]
    collection.update(edge.UpdateOperation.upsert_points(points), upserted=len(points))
    return COMPLETED


@router.post("/collections/{name}/points")
@enveloped
async def retrieve(collection: One, body: models.PointRequest) -> Any:
    require_only(body, "ids", "with_payload", "with_vector")
    records = collection.shard.retrieve(
        point_ids(body.ids),
        with_payload=with_payload(body.with_payload, default=True),
        with_vector=body.with_vector or False,
    )
    return [record(item) for item in records]


@router.post("/collections/{name}/points/delete")
@enveloped
async def delete(collection: One, body: models.PointsSelector) -> Any:
    if isinstance(body, models.PointIdsList):
        require_only(body, "points")
        collection.update(edge.UpdateOperation.delete_points(point_ids(body.points)))
    else:
        require_only(body, "filter")
        selected = filter_(body.filter)
        collection.update(edge.UpdateOperation.delete_points_by_filter(selected))
    return COMPLETED


@router.post("/collections/{name}/points/payload")
@enveloped
async def set_payload(collection: One, body: models.SetPayload) -> Any:
    require_only(body, "payload", "points", "filter", "key")
    change = edge.UpdateOperation
    if body.points is not None:
        ids = point_ids(body.points)
        collection.update(change.set_payload(ids, body.payload, body.key))
    elif body.filter is not None:
        selected = filter_(body.filter)
        collection.update(change.set_payload_by_filter(selected, body.payload, body.key))
    else:
        raise Refused(422, "Name the points whose payload to set, by points or by filter.")
    return COMPLETED


@router.post("/collections/{name}/points/count")
@enveloped
async def count(collection: One, body: models.CountRequest) -> Any:
    require_only(body, "filter", "exact")
    request = edge.CountRequest(exact=body.exact is not False, filter=optional_filter(body.filter))
    return {"count": collection.shard.count(request)}


@router.post("/collections/{name}/points/scroll")
@enveloped
async def scroll(collection: One, body: models.ScrollRequest) -> Any:
    require_only(body, "offset", "limit", "filter", "with_payload", "with_vector")
    request = edge.ScrollRequest(
        offset=None if body.offset is None else point_id(body.offset),
        limit=DEFAULT_LIMIT if body.limit is None else body.limit,
        filter=optional_filter(body.filter),
        with_payload=with_payload(body.with_payload, default=True),
        with_vector=body.with_vector or False,
    )
    records, following = collection.shard.scroll(request)
    return {"points": [record(item) for item in records], "next_page_offset": following}


@router.post("/collections/{name}/points/query")
@enveloped
async def query_points(collection: One, body: models.QueryRequest) -> Any:
    return _found(collection.shard.query(query(body)))


@router.post("/collections/{name}/points/query/batch")
@enveloped
async def query_batch(collection: One, body: models.QueryRequestBatch) -> Any:
    request = edge.QueryBatchRequest([query(item) for item in body.searches])
    return [_found(points) for points in collection.shard.query_batch(request)]


def _found(points: list[edge.ScoredPoint]) -> dict[str, Any]:
    return {"points": [scored(item) for item in points]}
