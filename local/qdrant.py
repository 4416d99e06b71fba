"""Qdrant on a laptop: what of its REST API Quire uses, or soon will, on Qdrant's own engine.

`python -m local.qdrant --port 6333 --state .quire/qdrant`; port 0 takes a free one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import typer
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from qdrant_client.http import models
from starlette.exceptions import HTTPException

from local.qdrant_collections import Collections
from local.qdrant_routes import json_answer, router
from local.qdrant_translation import Refused, unsupported


def create_app(state: Path, *, keep_every: float = 5.0) -> FastAPI:
    """The server on the folder `state`; flushes and optimises every `keep_every` seconds."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        collections = Collections(state)
        collections.open()
        app.state.collections = collections
        keeper = asyncio.create_task(collections.keep(every=keep_every))
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            collections.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.include_router(router)
    app.add_api_route("/", _about)
    for address in ("/healthz", "/livez", "/readyz"):
        app.add_api_route(address, _health)
    for kind in (Refused, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _refused)
    return app


async def _about() -> models.VersionInfo:
    # The version whose API is spoken: the client compares it with its own.
    return models.VersionInfo(title="qdrant-edge on a laptop", version=version("qdrant-client"))


async def _health() -> PlainTextResponse:
    return PlainTextResponse("ok")


async def _refused(_: Request, error: Exception) -> Response:
    match error:
        case Refused(status=status):
            return _error(status, str(error))
        case RequestValidationError():
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            return _error(400, f"Format error in JSON body: {place}: {first['msg']}")
        case HTTPException(status_code=404 | 405):
            return _error(501, str(unsupported("this address")))
        case _:
            return _error(500, "Service internal error: see the log of the laptop's Qdrant.")


def _error(status: int, message: str) -> Response:
    return json_answer({"status": {"error": message}, "time": 0.0}, status=status)


def main(
    port: int = 6333,
    state: Path = Path(".quire/qdrant"),
    host: str = "127.0.0.1",
    keep_every: float = 5.0,
) -> None:
    """Serve until SIGTERM or Ctrl-C; flush and optimise every `keep_every` seconds."""
    uvicorn.run(create_app(state, keep_every=keep_every), host=host, port=port, access_log=False)


if __name__ == "__main__":
    typer.run(main)
