"""What endpoints have in common: the key, two headers of requests, some of answers."""

from typing import Any

KEY: dict[str, Any] = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, or a JWT of a trusted issuer: `Authorization: Bearer …`.",
}


def _name(most: int) -> dict[str, Any]:
    """Printable ASCII; what stands at the ends of a header is no space."""
    return {"type": "string", "pattern": f"^[!-~]([ -~]{{0,{most - 2}}}[!-~])?$"}


PARAMETERS: dict[str, Any] = {
    "Quire-User": {
        "name": "Quire-User",
        "in": "header",
        "description": "Whom a key that may speak for users speaks for; sessions are theirs.",
        "schema": _name(200),
        "example": "ada",
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Sent again with the same key, the same request happens once, and its "
        "answer is repeated with `Idempotent-Replayed: true`.",
        "schema": _name(255),
        "example": "9b2f6c1e-4d07-4c1a-8a55-2f9f0f6f7b10",
    },
}

HEADERS: dict[str, Any] = {
    "X-Request-Id": {
        "description": "What we find the request by.",
        "required": True,
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "How many requests (`q`) a key and its tenant may make in so many seconds "
        "(`w`); a structured field (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string"},
        "example": '"key";q=600;w=60, "tenant";q=3000;w=60',
    },
    "RateLimit": {
        "description": "How many are left of these (`r`), and in how many seconds they are all "
        "there again (`t`).",
        "schema": {"type": "string"},
        "example": '"key";r=599;t=1, "tenant";r=2999;t=1',
    },
    "Idempotent-Replayed": {
        "description": "Comes with an answer that was given before.",
        "schema": {"const": "true"},
    },
    "Location": {"description": "Where to look.", "required": True, "schema": {"type": "string"}},
    "Content-Disposition": {
        "description": "A name for the file.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "Nobody on the way keeps it.",
        "required": True,
        "schema": {"const": "no-store"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {
        "description": "How to say who asks.",
        "required": True,
        "schema": {"const": "Bearer"},
    },
}


def headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def parameter(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
