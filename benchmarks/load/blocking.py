"""The same app with calls that block: psycopg, OpenAI's SDK and Qdrant's client, each waited for
by the one thread that all turns share, as happens where a plain client is put into `async def`.

All else is Quire's own: routes, prompts, citations, statements. `python -m benchmarks.load.blocking
8001` serves it.
"""

import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import httpx2
import psycopg
import uvicorn
from fastapi import FastAPI
from openai import AsyncOpenAI
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from functions.chat.answering import Answering
from functions.chat.app import CHANGELESS, MAX_BODY, SPENDING
from functions.chat.finding import Finder
from functions.chat.recording import Recorder
from functions.chat.routes.ask import ask_routes
from functions.chat.routes.deadlines import Deadlines
from functions.chat.routes.reference import reference_routes
from functions.chat.routes.streams import Streams
from functions.chat.searching import Searching
from quire.models.embedder import Embedder
from quire.models.language_model import LanguageModel
from quire.retrieval.index import Index
from quire.retrieval.retriever import Retriever
from quire.security import Security
from quire.settings import Settings
from quire.store.answers import Answers
from quire.store.api_keys import ApiKeys
from quire.store.collections import Collections
from quire.store.database import Database, Row, Statement
from quire.store.documents import Documents
from quire.store.idempotency import IdempotencyKeys
from quire.store.ingestions import Ingestions
from quire.store.limits import RateLimits
from quire.store.replays import Replays
from quire.store.turns import Turns
from quire.store.usage import UsageCounts
from quire.store.users import Users
from quire.switches import Switchboard
from quire.web import create_app, requires
from quire.web.door import Door

_NEVER = 10**9


class BlockingDatabase(Database):
    """The same pipelined transactions."""

    def __init__(self, url: str, *, connections: int) -> None:
        super().__init__(url)
        self._blocking: ConnectionPool[psycopg.Connection[Row]] = ConnectionPool(
            url,
            min_size=0,
            max_size=connections,
            open=True,
            kwargs={"autocommit": True, "prepare_threshold": None, "row_factory": dict_row},
        )

    async def run(
        self, tenant: str | None, *statements: Statement, timeout: float | None = None
    ) -> list[list[Row]]:
        with self._blocking.connection() as connection, connection.pipeline():
            connection.execute("select set_config('quire.tenant', %s, true)", [tenant or ""])
            cursors = [connection.execute(sql, values) for sql, values in statements]
            connection.commit()
            return [c.fetchall() if c.description else [] for c in cursors]


class BlockingIndex(Index):
    def __init__(self, url: str) -> None:
        super().__init__(url, api_key=None)
        self._qdrant._http._transport = _blocking(httpx)


def _blocking(library: Any) -> Any:
    """A transport of httpx, or of httpx2, that waits for whoever it asks."""

    class Body(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in self._stream:
                yield part

        async def aclose(self) -> None:
            self._stream.close()

    class Blocking(library.AsyncBaseTransport):  # type: ignore[misc]
        def __init__(self) -> None:
            self._transport = library.HTTPTransport()

        async def handle_async_request(self, request: Any) -> Any:
            answer = self._transport.handle_request(request)
            return library.Response(
                answer.status_code,
                headers=answer.headers,
                stream=Body(answer.stream),
                extensions=answer.extensions,
            )

    return Blocking()


def create() -> FastAPI:
    settings, runtime = Settings.load()
    secret = runtime.told
    database = BlockingDatabase(
        secret.database_url.get_secret_value(), connections=settings.database_connections
    )
    openai = AsyncOpenAI(
        base_url=secret.openai_base_url,
        api_key=secret.openai_api_key.get_secret_value(),
        http_client=httpx2.AsyncClient(transport=_blocking(httpx2)),
    )
    switches = Switchboard(None, seconds=_NEVER)
    retriever = Retriever(
        Embedder(openai, timeout=_NEVER),
        BlockingIndex(secret.qdrant_url),
        Documents(database),
        Ingestions(database),
    )
    language_model = LanguageModel(openai, model=settings.chat_model, openai=False)
    finder = Finder(retriever, language_model, imaginative=True, switches=switches)
    counts, collections = UsageCounts(database), Collections(database)
    security = Security(ApiKeys(database), Users(database))
    limits = RateLimits(database, settings.limits)
    answering = Answering(
        finder=finder,
        language_model=language_model,
        recorder=Recorder(
            *(Turns(database), Answers(database), Replays(database), counts, switches),
            prices=settings.prices,
            without_database=False,
        ),
        answer_tokens=settings.answer_tokens,
        relevance_floor=settings.relevance_floor,
    )
    asking = ask_routes(
        answering=answering,
        searching=Searching(finder, collections, counts, switches, prices=settings.prices),
        deadlines=Deadlines(whole=_NEVER, streamed=_NEVER),
        streams=Streams(limits),
        authenticate=requires(security, "ask"),
    )
    return create_app(
        "Quire, blocking",
        [asking, reference_routes()],
        max_body=MAX_BODY,
        security=security,
        keys=IdempotencyKeys(database, lease=_NEVER),
        limits=limits,
        switches=switches,
        spending=SPENDING,
        changeless=CHANGELESS,
        door=Door(lambda: 0, most=_NEVER, seconds=_NEVER),
    )


if __name__ == "__main__":
    uvicorn.run(create(), port=int(sys.argv[1]), access_log=False, log_level="warning")
