"""What the routes say, and the reference laid over it: one OpenAPI document."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from quire import __version__
from reference import errors
from reference.components import HEADERS, KEY, PARAMETERS, headers, parameter, schema
from reference.operations import Content, Operation
from reference.shapes.problems import OpenAIError, Problem

_INFO = {
    "title": "Quire",
    "version": __version__,
    "description": "Answers from your own documents, with citations that are proven.\n\n"
    "Ids are opaque, times are RFC 3339 in UTC, offsets count code points. Fields may be added to "
    "what is answered; in what is asked, unknown ones are refused.",
}
# What the frameworks say, and the reference says otherwise.
_SCHEMAS = {"HTTPValidationError", "ValidationError", "ResponseValidationError"}
_PARAMETERS = {"authorization", "quire-user"}


def assemble(
    described: Iterable[Mapping[str, Any]], operations: Mapping[str, Operation]
) -> dict[str, Any]:
    """Raises KeyError for an endpoint without an operation, ValueError for the reverse."""
    paths: dict[str, Any] = {}
    bodies: dict[str, Any] = {}
    served = set()
    for app in described:
        bodies |= app["components"]["schemas"]
        for path, methods in app["paths"].items():
            for method, spec in methods.items():
                endpoint = f"{method.upper()} {path}"
                served.add(endpoint)
                paths.setdefault(path, {})[method] = _endpoint(
                    method.upper(), path, _untitled(spec), operations[endpoint]
                )
    if unserved := operations.keys() - served:
        raise ValueError(f"Nobody serves {', '.join(sorted(unserved))}.")
    asked = {name: body for name, body in bodies.items() if name not in _SCHEMAS}
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": KEY},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": errors.responses(),
            "schemas": _untitled({**asked, **_shapes(operations.values())}),
        },
    }


def _endpoint(method: str, path: str, spec: Mapping[str, Any], said: Operation) -> dict[str, Any]:
    public = path.startswith("/health")
    own = [given for given in spec.get("parameters", ()) if given["name"] not in _PARAMETERS]
    shared = [] if public else ["Quire-User"]
    if method == "POST":
        shared.append("Idempotency-Key")
    whole = {
        "tags": spec.get("tags", ["health"]),
        "operationId": _identifier(said.summary),
        "summary": said.summary,
        "description": said.description,
        "parameters": [*own, *map(parameter, shared)],
        "responses": _responses(method, path, spec, said),
        "security": [] if public else [{"bearer": []}],
    }
    if "requestBody" in spec:
        media = {**spec["requestBody"]["content"]["application/json"], "example": said.asks}
        whole["requestBody"] = {**spec["requestBody"], "content": {"application/json": media}}
    return whole


def _responses(method: str, path: str, spec: Mapping[str, Any], said: Operation) -> dict[str, Any]:
    # The status is the route's own word; 422 is the framework's.
    (status,) = spec["responses"].keys() - {"422"}
    found: dict[str, Any] = {
        status: {
            "description": HTTPStatus(int(status)).phrase,
            "headers": headers(*_framed(method, path), *said.headers),
            "content": {content.media_type: _content(content) for content in said.answers},
        },
        **said.otherwise,
    }
    for error in sorted({*errors.possible(method, path, spec), *said.errors}):
        found |= errors.reference(path, error)
    return found


def _framed(method: str, path: str) -> Iterable[str]:
    """The headers of every answer."""
    if not path.startswith("/health"):
        yield from errors.FRAMED
    if method == "POST":
        yield "Idempotent-Replayed"


def _content(content: Content) -> dict[str, Any]:
    shown = schema(content.shape.__name__) if content.shape else {"type": "string"}
    return {"schema": shown, "example": content.example}


def _shapes(operations: Iterable[Operation]) -> dict[str, Any]:
    shapes: set[type[BaseModel]] = {Problem, OpenAIError}
    for said in operations:
        shapes |= {content.shape for content in said.answers if content.shape}
    _, found = models_json_schema(
        [(shape, "validation") for shape in sorted(shapes, key=lambda shape: shape.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    return dict(found["$defs"])


def _untitled(value: Any) -> Any:
    """Without the titles, which only say a field's name again."""
    if isinstance(value, Mapping):
        return {
            name: _untitled(inner)
            for name, inner in value.items()
            if name != "title" or not isinstance(inner, str)
        }
    return [_untitled(inner) for inner in value] if isinstance(value, list) else value


def _identifier(summary: str) -> str:
    return "_".join("".join(c for c in summary.lower() if c.isalpha() or c == " ").split())
