"""The HTTP API's routes, and which function each leads to."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """Requests that go to a function: `Route(["GET"], "/v1/documents/{id}", "ingest-api")`.

    `methods` may be `["ANY"]`; a path may end in a greedy `{proxy+}`; `$default` takes the rest.
    """

    methods: Sequence[str]
    path: str
    function: str

    def takes(self, method: str) -> bool:
        return method in self.methods or "ANY" in self.methods

    def key(self, method: str) -> str:
        """As API Gateway calls the route by which such a request came."""
        if self.path == "$default":
            return self.path
        return f"{method if method in self.methods else 'ANY'} {self.path}"


ROUTES = (
    Route(["POST"], "/v1/chat", "chat"),
    Route(["POST"], "/v1/chat/{proxy+}", "chat"),
    Route(["GET"], "/v1/models", "chat"),
    Route(["GET"], "/v1/models/{id}", "chat"),
    Route(["POST"], "/v1/retrieve", "chat"),
    Route(["ANY"], "/v1/messages/{proxy+}", "chat"),
    Route(["ANY"], "/v1/sessions", "chat"),
    Route(["ANY"], "/v1/sessions/{proxy+}", "chat"),
    Route(["GET"], "/v1/usage", "chat"),
    Route(["GET", "PUT"], "/v1/admin/persona", "chat"),
    Route(["POST"], "/v1/uploads", "ingest-api"),
    Route(["ANY"], "/v1/documents", "ingest-api"),
    Route(["ANY"], "/v1/documents/{proxy+}", "ingest-api"),
    Route(["GET"], "/v1/jobs/{id}", "ingest-api"),
    Route(["GET", "POST"], "/v1/admin/jobs", "ingest-api"),
    Route(["GET", "POST"], "/v1/admin/keys", "ingest-api"),
    Route(["POST", "DELETE"], "/v1/admin/keys/{proxy+}", "ingest-api"),
    Route(["GET", "POST"], "/v1/admin/users", "ingest-api"),
    Route(["DELETE"], "/v1/admin/users/{proxy+}", "ingest-api"),
    Route(["GET", "POST"], "/v1/admin/tenants", "ingest-api"),
    Route(["DELETE"], "/v1/admin/tenants/{id}", "ingest-api"),
    Route(["GET", "PUT"], "/v1/admin/tenants/{id}/limits", "ingest-api"),
    Route(["GET", "HEAD"], "/health", "health"),
    Route(["GET"], "/health/{proxy+}", "health"),
    # What no function serves is refused in the words of all other refusals.
    Route(["ANY"], "$default", "chat"),
)
