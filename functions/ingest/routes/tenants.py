"""`/v1/admin/tenants`: the operator's."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import StringConstraints

from functions.ingest.jobs import begin
from functions.ingest.rendering import tenant_json
from functions.ingest.routes.showing import shown_once
from quire.domain import Caller
from quire.errors import Forbidden
from quire.queue import Queue
from quire.store.jobs import Jobs
from quire.store.tenants import Tenants
from quire.web import Authenticate, Body, Storable, list_of

TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class TenantBody(Body):
    id: TenantId
    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable
    ]


def tenant_routes(
    tenants: Tenants,
    jobs: Jobs,
    maintenance: Queue,
    authenticate: Authenticate,
    *,
    operator: str | None,
) -> APIRouter:
    router = APIRouter(prefix="/v1/admin/tenants", tags=["administration"])

    async def operates(caller: Annotated[Caller, Depends(authenticate)]) -> Caller:
        if caller.tenant != operator:
            raise Forbidden("Only the operator of this deployment may do this.")
        return caller

    @router.post("", status_code=201, dependencies=[Depends(operates)])
    async def create(body: TenantBody, answer: Response) -> dict[str, Any]:
        tenant, key = await tenants.create(body.id, body.name)
        return shown_once(tenant_json(tenant), key, answer)

    @router.get("", dependencies=[Depends(operates)])
    async def index(
        limit: Annotated[int, Query(ge=1, le=200)] = 50, after: TenantId | None = None
    ) -> dict[str, Any]:
        return list_of(await tenants.list(limit=limit, after=after), tenant_json)

    @router.delete("/{tenant_id}", status_code=202)
    async def erase(
        tenant_id: TenantId, caller: Annotated[Caller, Depends(operates)]
    ) -> dict[str, str]:
        if tenant_id == caller.tenant:
            raise Forbidden("The operator's own tenant stays.")
        await tenants.close(tenant_id)
        # The operator's job, since nothing of that tenant's stays.
        job = await begin(jobs, maintenance, caller.tenant, "erase", {"tenant": tenant_id})
        return {"job_id": str(job)}

    return router
