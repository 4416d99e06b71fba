"""Who may call: keys, users, tenants."""

from reference.operations import Operation, Operations, json
from reference.shapes.access import (
    Key,
    KeyList,
    NewKey,
    NewTenant,
    TenantLimits,
    TenantList,
    User,
    UserList,
)
from reference.shapes.documents import JobAccepted

KEYS: Operations = {
    "POST /v1/admin/keys": Operation(
        summary="Create a key",
        description="It is shown in this answer and never again: only its hash is kept. It calls "
        "as the user it names, or as one of its own.",
        asks={"name": "course site", "scopes": ["ask"], "speaks_for_users": True},
        answers=json(NewKey),
        headers=["Cache-Control"],
    ),
    "GET /v1/admin/keys": Operation(
        summary="List keys",
        description="The tenant's, without what they open; revoked ones too.",
        answers=json(KeyList),
    ),
    "DELETE /v1/admin/keys/{key_id}": Operation(
        summary="Revoke a key",
        description="It ends within a minute.",
        answers=json(Key),
    ),
    "POST /v1/admin/keys/{key_id}/rotate": Operation(
        summary="Rotate a key",
        description="Another key with its name, scopes and user; the former one works for "
        "`overlap_seconds` more (a day, unless another time is named).",
        asks={"overlap_seconds": 3600},
        answers=json(NewKey),
        headers=["Cache-Control"],
    ),
}

USERS: Operations = {
    "POST /v1/admin/users": Operation(
        summary="Admit a user, or shut one out",
        description="Users are there from their first call on; this has one beforehand. Of one who "
        "is `revoked`, no key's and no token's call is served after a minute, until they are "
        "admitted again. Their sessions stay.",
        asks={"id": "ada", "revoked": True},
        answers=json(User),
    ),
    "GET /v1/admin/users": Operation(
        summary="List users",
        description="The tenant's, in the order of their ids.",
        answers=json(UserList),
    ),
    "DELETE /v1/admin/users/{user_id}": Operation(
        summary="Erase a user",
        description="They are shut out, and a minute later all that is theirs is deleted, "
        "everywhere; the job's result is the certificate. An id that no path can carry is erased "
        "by a job of kind `erase`.",
        answers=json(JobAccepted),
    ),
}

TENANTS: Operations = {
    "POST /v1/admin/tenants": Operation(
        summary="Create a tenant",
        description="The operator's to do. Its first key, of scope `admin`, is shown once and good "
        "for a week: to make others with.",
        asks={"id": "acme", "name": "Acme Robotics"},
        answers=json(NewTenant),
        headers=["Cache-Control"],
    ),
    "GET /v1/admin/tenants": Operation(
        summary="List tenants",
        description="The operator's to do; in the order of their ids.",
        answers=json(TenantList),
    ),
    "GET /v1/admin/tenants/{tenant_id}/limits": Operation(
        summary="Show a tenant's limits",
        description="To the operator, and to the tenant's own administrators. Those that are the "
        "tenant's own come first, then what is in force.",
        answers=json(TenantLimits),
    ),
    "PUT /v1/admin/tenants/{tenant_id}/limits": Operation(
        summary="Set a tenant's limits",
        description="The operator's to do. All of them: what is left out is the stage's. They hold "
        "from the next request on.",
        asks={"requests": 6000, "streams": 20, "dollars": 50.0},
        answers=json(TenantLimits),
    ),
    "DELETE /v1/admin/tenants/{tenant_id}": Operation(
        summary="Erase a tenant",
        description="The operator's to do. It is closed at once, and then all that it has is "
        "deleted, everywhere; the certificate is the result of this job of the operator's.",
        answers=json(JobAccepted),
    ),
}
