"""The composition root of chat: settings → clients → Answering → the app.

Both front doors serve it: API Gateway through `handler.py`, the function URL through `streamed.py`.
"""

import re

from fastapi import FastAPI

from functions.chat.answering import Answering
from functions.chat.dialect.errors import error_json
from functions.chat.finding import Finder
from functions.chat.recording import Recorder
from functions.chat.routes.ask import ask_routes
from functions.chat.routes.completions import completion_routes
from functions.chat.routes.deadlines import Deadlines
from functions.chat.routes.messages import message_routes
from functions.chat.routes.persona import persona_routes
from functions.chat.routes.reference import reference_routes
from functions.chat.routes.sessions import session_routes
from functions.chat.routes.streams import Streams
from functions.chat.routes.usage import usage_routes
from functions.chat.searching import Searching
from quire.issuers import Issuers
from quire.models.embedder import Embedder, connect_models
from quire.models.language_model import LanguageModel
from quire.observability import tell_content
from quire.retrieval.index import Index
from quire.retrieval.retriever import Retriever
from quire.security import Security
from quire.settings import Settings
from quire.store.answers import Answers
from quire.store.api_keys import ApiKeys
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.idempotency import IdempotencyKeys
from quire.store.ingestions import Ingestions
from quire.store.limits import RateLimits
from quire.store.messages import Messages
from quire.store.personas import Personas
from quire.store.replays import Replays
from quire.store.sessions import Sessions
from quire.store.turns import Turns
from quire.store.usage import UsageCounts
from quire.store.users import Users
from quire.switches import Switchboard
from quire.web import create_app, requires
from quire.web.door import Door
from quire.web.edge import Edge

MAX_BODY = 64 * 1024
# What asks a model.
SPENDING = re.compile("/v1/(chat(/.*)?|retrieve|messages/[^/]+/replay)")
# What changes nothing, though it is a POST.
CHANGELESS = re.compile("/v1/(chat(/.*)?|retrieve|messages/[^/]+/(replay|stop))")
# What a request may take beyond the longest turn.
SPARE_SECONDS = 30.0


def create() -> FastAPI:
    settings, secret = Settings.load()
    tell_content(settings.log_content)
    database = Database(secret.database_url, connections=settings.database_connections)
    openai, fallback = connect_models(**secret.models, timeout=settings.turn_seconds)
    index = Index(secret.told.qdrant_url, api_key=secret.qdrant_key)
    retriever = Retriever(
        Embedder(openai, fallback=fallback, timeout=settings.embedding_seconds),
        index,
        Documents(database),
        Ingestions(database),
    )
    counts = UsageCounts(database)
    language_model = LanguageModel(
        openai, model=settings.chat_model, openai=secret.told.openai_base_url is None
    )
    switches = Switchboard(settings.switches, seconds=settings.switches_seconds)
    collections = Collections(database)
    finder = Finder(retriever, language_model, imaginative=settings.imaginative, switches=switches)
    answering = Answering(
        finder=finder,
        language_model=language_model,
        recorder=Recorder(
            Turns(database),
            Answers(database),
            Replays(database),
            counts,
            switches,
            prices=settings.prices,
            without_database=settings.answer_without_database,
        ),
        answer_tokens=settings.answer_tokens,
        relevance_floor=settings.relevance_floor,
    )
    deadlines = Deadlines(whole=settings.turn_seconds, streamed=settings.stream_seconds)
    security = Security(
        ApiKeys(database),
        Users(database),
        issuers=Issuers([one.to_issuer() for one in settings.issuers]),
        remember=settings.remember_seconds,
    )
    asks = requires(security, "ask")
    limits = RateLimits(database, settings.limits)
    streams = Streams(limits)
    return create_app(
        "Quire: questions",
        [
            ask_routes(
                answering=answering,
                searching=Searching(finder, collections, counts, switches, prices=settings.prices),
                deadlines=deadlines,
                streams=streams,
                authenticate=asks,
            ),
            completion_routes(
                answering=answering,
                api_url=settings.api_url,
                deadlines=deadlines,
                streams=streams,
                authenticate=asks,
            ),
            session_routes(Sessions(database), switches, asks),
            message_routes(
                messages=Messages(database),
                answering=answering,
                deadlines=deadlines,
                streams=streams,
                authenticate=asks,
            ),
            usage_routes(counts, asks),
            persona_routes(Personas(database), requires(security, "admin")),
            reference_routes(),
        ],
        max_body=MAX_BODY,
        security=security,
        keys=IdempotencyKeys(database, lease=settings.stream_seconds + SPARE_SECONDS),
        limits=limits,
        switches=switches,
        spending=SPENDING,
        changeless=CHANGELESS,
        door=Door(database.waited, most=settings.requests_at_once, seconds=settings.door_seconds),
        edge=Edge(*secret.shown_by_edge, only=settings.edge_only),
        origins=settings.origins,
        dialects={"/v1/chat/completions": error_json, "/v1/models": error_json},
    )
