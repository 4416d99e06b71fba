"""`/health`: is this alive, are its dependencies. Open to all, so it tells nothing of value."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from quire import __version__
from quire.framing import SAFELY
from quire.observability import log
from quire.snapshots import renewed_handler

app = APIGatewayHttpResolver()


@app.not_found
def nothing_here(error: Exception) -> Response[str]:
    problem = {
        "type": "urn:quire:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "instance": app.current_event.path,
        "request_id": app.lambda_context.aws_request_id,
    }
    return Response(404, "application/problem+json", json.dumps(problem))


@app.head("/health", include_in_schema=False)
@app.get("/health")
def alive() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


@app.get("/health/ready")
def ready() -> Response[str]:
    return _report("postgres", "qdrant", "model", "queue")


@app.get("/health/db")
def database() -> Response[str]:
    return _report("postgres")


@cache
def _readiness() -> Any:
    # Imported late: being alive has to cost nothing.
    from functions.health.checks import Readiness

    return Readiness.connect()


def _report(*names: str) -> Response[str]:
    try:
        readiness = _readiness()
        results = readiness.loop.run_until_complete(readiness.check(*names))
    except Exception:
        log.exception("readiness cannot be told")
        results = {name: {"ok": False, "ms": 0, "error": "not available"} for name in names}
    ok = all(result["ok"] for result in results.values())
    body = {"status": "ok" if ok else "unavailable", "checks": results}
    return Response(200 if ok else 503, "application/json", json.dumps(body))


def _resolver() -> Callable[[dict[str, Any], LambdaContext], dict[str, Any]]:
    # What was connected with a secret of the past.
    _readiness.cache_clear()
    return _answer


def _answer(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    answer = app.resolve(event, context)
    answer["headers"] = {**SAFELY, "x-request-id": context.aws_request_id, **answer["headers"]}
    return answer


handler = renewed_handler(_resolver)
