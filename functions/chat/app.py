"""The composition root of chat: settings → clients → Answering → the app.

Both front doors serve it: API Gateway through `handler.py`, the function URL through `start.sh`.
"""

from fastapi import FastAPI

from functions.chat.answering import Answering
from functions.chat.routes.ask import ask_routes
from functions.chat.routes.sessions import session_routes
from quire import models
from quire.models.embedder import Embedder, connect_fallback
from quire.models.language_model import LanguageModel
from quire.retrieval.index import Index
from quire.retrieval.retriever import Retriever
from quire.security import Security
from quire.settings import Settings
from quire.store.api_keys import ApiKeys
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions
from quire.store.sessions import Sessions
from quire.store.usage import UsageCounts
from quire.web import create_app, requires

MAX_BODY = 64 * 1024


def create() -> FastAPI:
    settings, secret = Settings.load()
    database = Database(
        secret.database_url.get_secret_value(), connections=settings.database_connections
    )
    fallback = None
    if secret.embedding_fallback:
        fallback = connect_fallback(
            **secret.embedding_fallback.values(), timeout=settings.turn_seconds
        )
    openai = models.connect(
        base_url=secret.openai_base_url,
        api_key=secret.openai_api_key.get_secret_value(),
        timeout=settings.turn_seconds,
    )
    index = Index(secret.qdrant_url, api_key=secret.qdrant_key)
    sessions = Sessions(database)
    retriever = Retriever(
        Embedder(openai, fallback=fallback), index, Documents(database), Ingestions(database)
    )
    answering = Answering(
        retriever=retriever,
        language_model=LanguageModel(
            openai, model=settings.chat_model, openai=secret.openai_base_url is None
        ),
        sessions=sessions,
        prices=settings.prices,
        answer_tokens=settings.answer_tokens,
        turn_seconds=settings.turn_seconds,
    )
    asks = requires(Security(ApiKeys(database)), "ask")
    return create_app(
        "Quire: questions",
        [
            ask_routes(
                answering=answering,
                retriever=retriever,
                collections=Collections(database),
                counts=UsageCounts(database),
                prices=settings.prices,
                authenticate=asks,
            ),
            session_routes(sessions, asks),
        ],
        max_body=MAX_BODY,
    )
