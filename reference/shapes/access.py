"""Keys, users and tenants."""

from datetime import datetime
from typing import Literal

from reference.shapes import Listing, Shape, listing

_KEY_ID = "019aa6c1-02b7-7d90-8e1f-4c5a6b7d8e11"
_TIME = "2026-11-21T09:28:00.000000Z"


class Key(Shape):
    """A key, but for its secret."""

    id: str
    name: str
    prefix: str
    """How it begins, to tell it from others."""
    scopes: list[Literal["ask", "ingest", "admin"]]
    user_id: str
    """Whom it calls as."""
    speaks_for_users: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    example = {
        "id": _KEY_ID,
        "name": "course site",
        "prefix": "quire_Zk3vQ9",
        "scopes": ["ask"],
        "user_id": f"key:{_KEY_ID}",
        "speaks_for_users": True,
        "created_at": _TIME,
        "expires_at": None,
        "revoked_at": None,
    }


class NewKey(Key):
    """A key with its secret, for this once."""

    key: str

    example = {**Key.example, "key": "quire_Zk3vQ9…"}


class KeyList(Listing):
    """Keys, the newest first."""

    data: list[Key]

    example = listing(Key.example)


class User(Shape):
    """A user of the tenant's; opaque to us."""

    id: str
    sessions: int
    created_at: datetime
    revoked_at: datetime | None
    """When they were shut out."""

    example = {"id": "ada", "sessions": 3, "created_at": _TIME, "revoked_at": None}


class UserList(Listing):
    """Users, in the order of their ids."""

    data: list[User]

    example = listing(User.example)


class Tenant(Shape):
    """Who has documents, users and keys of their own."""

    id: str
    name: str
    created_at: datetime
    closed_at: datetime | None
    """When it was shut out, to be erased."""

    example = {"id": "acme", "name": "Acme Robotics", "created_at": _TIME, "closed_at": None}


class LimitsInForce(Shape):
    """Null is no limit."""

    key_requests: int
    """A minute, of each key; of each user, where a token says who calls."""
    requests: int
    """A minute, of all of the tenant's keys."""
    streams: int | None
    """At once."""
    tokens: int | None
    """A day (UTC)."""
    dollars: float | None
    """A day (UTC)."""


class TenantLimits(Shape):
    """A tenant's own limits; where one is null, the stage's is in force."""

    tenant_id: str
    key_requests: int | None
    requests: int | None
    streams: int | None
    tokens: int | None
    dollars: float | None
    in_force: LimitsInForce

    example = {
        "tenant_id": "acme",
        "key_requests": None,
        "requests": 6000,
        "streams": 20,
        "tokens": None,
        "dollars": 50.0,
        "in_force": {
            "key_requests": 600,
            "requests": 6000,
            "streams": 20,
            "tokens": None,
            "dollars": 50.0,
        },
    }


class NewTenant(Tenant):
    """A tenant with its first key, for this once."""

    key: str

    example = {**Tenant.example, "key": "quire_Zk3vQ9…"}


class TenantList(Listing):
    """Tenants, in the order of their ids."""

    data: list[Tenant]

    example = listing(Tenant.example)
