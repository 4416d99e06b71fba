"""HTTP: documents, uploads, jobs, and who may call. The workers do what is accepted here."""

import re

from fastapi import FastAPI

from functions.ingest.proving import Prover
from functions.ingest.routes.documents import document_routes
from functions.ingest.routes.jobs import admin_routes, job_routes
from functions.ingest.routes.keys import key_routes
from functions.ingest.routes.tenants import tenant_routes
from functions.ingest.routes.uploads import MAX_CONTENT, upload_routes
from functions.ingest.routes.users import user_routes
from quire.archives import Archives
from quire.issuers import Issuers
from quire.objects import Objects
from quire.observability import tell_content
from quire.queue import Queue
from quire.retrieval.index import Index
from quire.security import Security
from quire.settings import Settings
from quire.snapshots import renewed_handler
from quire.store.api_keys import ApiKeys
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.idempotency import IdempotencyKeys
from quire.store.jobs import Jobs
from quire.store.limits import RateLimits
from quire.store.tenants import Tenants
from quire.store.users import Users
from quire.switches import Switchboard
from quire.web import create_app, requires
from quire.web.door import Door
from quire.web.edge import Edge
from quire.web.gateway import handler_of

# JSON may spend six bytes on one of the content's.
MAX_BODY = 6 * MAX_CONTENT + 64 * 1024
# What has documents embedded.
SPENDING = re.compile("/v1/(documents(/[^/]+/reingest)?|uploads)")
# Every POST changes something.
CHANGELESS = re.compile("(?!)")
# The gateway waits for 30 s, and the function lives no longer.
LEASE_SECONDS = 40.0


def create() -> FastAPI:
    settings, secret = Settings.load()
    tell_content(settings.log_content)
    database = Database(secret.database_url, connections=settings.database_connections)
    objects, documents, jobs = Objects(settings.bucket), Documents(database), Jobs(database)
    documents_queue = Queue(settings.documents_queue_url)
    maintenance = Queue(settings.maintenance_queue_url)
    prover = Prover(
        documents=documents,
        collections=Collections(database),
        index=Index(secret.told.qdrant_url, api_key=secret.qdrant_key),
    )
    api_keys, users = ApiKeys(database), Users(database)
    security = Security(
        api_keys,
        users,
        issuers=Issuers([one.to_issuer() for one in settings.issuers]),
        remember=settings.remember_seconds,
    )
    ingests, administers = requires(security, "ingest"), requires(security, "admin")
    return create_app(
        "Quire: documents",
        [
            upload_routes(objects, documents, maintenance, ingests),
            document_routes(
                objects, documents, prover, jobs, documents_queue, maintenance, ingests
            ),
            job_routes(jobs, Archives(settings.bucket), requires(security, "ingest", "admin")),
            admin_routes(
                *(objects, documents, jobs, users, maintenance, administers),
                operator=settings.operator_tenant,
            ),
            key_routes(api_keys, administers),
            user_routes(users, jobs, maintenance, administers),
            tenant_routes(
                *(Tenants(database), jobs, maintenance, administers),
                operator=settings.operator_tenant,
                stage=settings.limits,
            ),
        ],
        max_body=MAX_BODY,
        security=security,
        keys=IdempotencyKeys(database, lease=LEASE_SECONDS),
        limits=RateLimits(database, settings.limits),
        switches=Switchboard(settings.switches, seconds=settings.switches_seconds),
        spending=SPENDING,
        changeless=CHANGELESS,
        door=Door(database.waited, most=settings.requests_at_once, seconds=settings.door_seconds),
        edge=Edge(*secret.shown_by_edge, only=settings.edge_only),
        origins=settings.origins,
    )


handler = renewed_handler(lambda: handler_of(create()))
