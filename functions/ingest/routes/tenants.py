"""`/v1/admin/tenants`: the operator's; a tenant's own administrators may see its limits."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, StringConstraints

from functions.ingest.jobs import begin
from functions.ingest.rendering import limits_json, tenant_json
from functions.ingest.routes.showing import shown_once
from quire.domain import Caller, Limits, OwnLimits
from quire.errors import Forbidden
from quire.queue import Queue
from quire.store.jobs import Jobs
from quire.store.tenants import Tenants
from quire.web import Authenticate, Body, InALine, Storable, list_of

TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class TenantBody(Body):
    id: TenantId
    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
        Storable,
        InALine,
    ]


Count = Annotated[int, Field(ge=1, lt=2**31)]


class LimitsBody(Body):
    """All of them: what is left out is the stage's."""

    key_requests: Count | None = None
    requests: Count | None = None
    streams: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    tokens: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    dollars: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


def tenant_routes(
    tenants: Tenants,
    jobs: Jobs,
    maintenance: Queue,
    authenticate: Authenticate,
    *,
    operator: str | None,
    stage: Limits,
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

    @router.get("/{tenant_id}/limits")
    async def limits(
        tenant_id: TenantId, caller: Annotated[Caller, Depends(authenticate)]
    ) -> dict[str, Any]:
        if caller.tenant not in (operator, tenant_id):
            raise Forbidden("These limits are another tenant's.")
        return limits_json(tenant_id, await tenants.limits(tenant_id), stage)

    @router.put("/{tenant_id}/limits", dependencies=[Depends(operates)])
    async def limit(tenant_id: TenantId, body: LimitsBody) -> dict[str, Any]:
        own = OwnLimits(**body.model_dump())
        await tenants.limit(tenant_id, own)
        return limits_json(tenant_id, own, stage)

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
