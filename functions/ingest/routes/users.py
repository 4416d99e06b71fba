"""`/v1/admin/users`: whom a tenant's sessions belong to."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from functions.ingest.jobs import begin
from functions.ingest.rendering import user_json
from quire.domain import Caller
from quire.queue import Queue
from quire.security import UserId
from quire.store.jobs import Jobs
from quire.store.users import Users
from quire.web import Authenticate, Body, list_of


class UserBody(Body):
    """In the body: what an id may hold, not every way to a function keeps in a path."""

    id: UserId
    revoked: bool = False


def user_routes(
    users: Users, jobs: Jobs, maintenance: Queue, authenticate: Authenticate
) -> APIRouter:
    router = APIRouter(prefix="/v1/admin/users", tags=["administration"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.post("", status_code=201)
    async def put(body: UserBody, caller: Authenticated) -> dict[str, Any]:
        return user_json(await users.put(caller.tenant, body.id, revoked=body.revoked))

    @router.get("")
    async def index(
        caller: Authenticated,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: UserId | None = None,
    ) -> dict[str, Any]:
        return list_of(await users.list(caller.tenant, limit=limit, after=after), user_json)

    # As far as a path can name one; a job of kind `erase` takes any.
    @router.delete("/{user_id:path}", status_code=202)
    async def erase(user_id: UserId, caller: Authenticated) -> dict[str, str]:
        await users.check_known(caller.tenant, user_id)
        job = await begin(jobs, maintenance, caller.tenant, "erase", {"user": user_id})
        return {"job_id": str(job)}

    return router
