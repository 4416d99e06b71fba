"""Jobs: how far they are, and those that only an administrator may ask for."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field, model_validator

from functions.ingest.deletion import delete_document
from functions.ingest.jobs import begin, start
from functions.ingest.rendering import job_json
from quire.archives import Archives
from quire.domain import Caller
from quire.errors import Forbidden, NotFound
from quire.object_keys import export_key
from quire.objects import Objects
from quire.queue import Queue
from quire.security import UserId
from quire.store.documents import Documents
from quire.store.jobs import Jobs
from quire.store.users import Users
from quire.web import Authenticate, Body, Text, list_of, parse_id

# What tells of users: administrators' to see.
_PERSONAL = frozenset({"export", "erase"})
ARCHIVE_URL_SECONDS = 3_600
# What concerns the documents of all tenants.
_OPERATORS = frozenset({"rebuild", "redrive"})


class JobBody(Body):
    kind: Literal["rebuild", "reconcile", "redrive", "purge", "export", "erase"]
    model: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    dimensions: Annotated[int, Field(ge=1, le=65_536)] | None = None
    document_id: Text | None = None
    user_id: UserId | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> "JobBody":
        if (self.document_id is not None) != (self.kind == "purge"):
            raise ValueError("a purge names its document_id, and no other job does")
        if (self.model or self.dimensions) and self.kind != "rebuild":
            raise ValueError("only a rebuild takes a model and dimensions")
        if self.user_id is not None and self.kind not in ("export", "erase"):
            raise ValueError("only an export and an erasure name a user_id")
        if self.user_id is None and self.kind == "erase":
            raise ValueError("an erasure names its user_id")
        if (self.model is None) != (self.dimensions is None):
            raise ValueError("a model comes with its dimensions")
        return self


def job_routes(jobs: Jobs, archives: Archives, authenticate: Authenticate) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["jobs"])

    @router.get("/jobs/{job_id}")
    async def show(job_id: str, caller: Annotated[Caller, Depends(authenticate)]) -> dict[str, Any]:
        job = await jobs.get(caller.tenant, parse_id(job_id, "job"))
        if job.kind in _PERSONAL and "admin" not in caller.scopes:
            raise NotFound("There is no such job.")
        if job.kind == "export" and job.result:
            key = export_key(caller.tenant, job.id)
            url = archives.presign(key, seconds=ARCHIVE_URL_SECONDS)
            return {**job_json(job), "result": {**job.result, "url": url}}
        return job_json(job)

    return router


def admin_routes(
    objects: Objects,
    documents: Documents,
    jobs: Jobs,
    users: Users,
    maintenance: Queue,
    authenticate: Authenticate,
    *,
    operator: str | None,
) -> APIRouter:
    """`operator` is the tenant whose administrators may ask for what concerns all tenants."""
    router = APIRouter(prefix="/v1/admin", tags=["administration"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.get("/jobs")
    async def index(
        caller: Authenticated,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: str | None = None,
    ) -> dict[str, Any]:
        cursor = parse_id(after, "job") if after else None
        return list_of(await jobs.list(caller.tenant, limit=limit, after=cursor), job_json)

    @router.post("/jobs", status_code=202)
    async def create(body: JobBody, caller: Authenticated) -> dict[str, str]:
        if body.kind in _OPERATORS and caller.tenant != operator:
            raise Forbidden("Only the operator of this deployment may ask for this job.")
        if body.document_id is not None:
            document = parse_id(body.document_id, "document")
            job = await delete_document(
                objects, documents, jobs, maintenance, caller.tenant, document
            )
        elif body.kind in _PERSONAL:
            who = {"user": body.user_id} if body.user_id else {}
            if body.user_id:
                await users.check_known(caller.tenant, body.user_id)
            job = await begin(jobs, maintenance, caller.tenant, body.kind, who)
        else:
            request = {"model": body.model, "dimensions": body.dimensions} if body.model else {}
            job = await jobs.request(caller.tenant, body.kind, request)
            await start(maintenance, caller.tenant, job)
        return {"job_id": str(job)}

    return router
