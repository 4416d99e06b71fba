"""Who calls, and what of: tenants, their users, keys and issuers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

Scope = Literal["ask", "ingest", "admin"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as their key or token proves it."""

    tenant: str
    user: str
    scopes: frozenset[Scope]
    key_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Whose tokens are taken, and how far: for one `tenant`, or whichever `tenant_claim` names.

    They have `scopes`, or those of them that they list in `scope_claim`.
    """

    issuer: str
    audience: str
    algorithms: Sequence[str]
    tenant: str | None
    tenant_claim: str | None
    scopes: frozenset[Scope]
    scope_claim: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key without its secret: `prefix` is how that begins.

    It calls as `user`, or as itself where that is None.
    """

    id: UUID
    name: str
    prefix: str
    scopes: Sequence[Scope]
    user: str | None
    speaks_for_users: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of one tenant; `revoked_at` is when they were shut out."""

    id: str
    sessions: int
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """`closed_at` is when it was shut out, to be erased."""

    id: str
    name: str
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a tenant may do: requests a minute, of each key and of all; streams at once; tokens and
    dollars a day (UTC). None is no limit.
    """

    key_requests: int
    requests: int
    streams: int | None = None
    tokens: int | None = None
    dollars: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLimits:
    """A tenant's own, as in `Limits`; None is the stage's."""

    key_requests: int | None = None
    requests: int | None = None
    streams: int | None = None
    tokens: int | None = None
    dollars: float | None = None

    def over(self, stage: Limits) -> Limits:
        """What is in force."""
        own = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(stage, **own)
