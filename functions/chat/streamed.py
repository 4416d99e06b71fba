"""Function URL → Lambda Web Adapter → uvicorn → the app, streamed.

The adapter asks whether the app is ready, and tells it of snapshots, by requests of its own:
https://aws.github.io/aws-lambda-web-adapter/features/snapstart.html
With all others comes what the function URL knew of them:
https://aws.github.io/aws-lambda-web-adapter/features/request-context.html
"""

import gc
import os
from collections.abc import Callable

from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from functions.chat.app import create as create_app
from quire.snapshots import Renewed

# The adapter's own settings: whoever deploys names the paths in one place.
_READY = "AWS_LWA_READINESS_CHECK_PATH"
_BEFORE = "AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH"
_AFTER = "AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH"
# What it adds to every request that came from outside, in place of any other, and to none of its
# own.
_FROM_OUTSIDE = b"x-amzn-request-context"


class _Http(BaseModel):
    sourceIp: str  # noqa: N815  (AWS's name)


class _Context(BaseModel):
    http: _Http


class Streamed:
    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._app = Renewed(make)
        told: dict[str, Callable[[], object]] = {
            f"GET {os.environ.get(_READY)}": lambda: None,
            f"POST {os.environ.get(_BEFORE)}": gc.collect,
            f"POST {os.environ.get(_AFTER)}": self._app.renew,
        }
        self._told = {asked: act for asked, act in told.items() if not asked.endswith(" None")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._told:
            context = dict(scope["headers"]).get(_FROM_OUTSIDE)
            if context is not None:
                _see(scope, context)
            # The adapter refuses strangers its hooks' paths itself; this is the second wall.
            elif act := self._told.get(f"{scope['method']} {scope['path']}"):
                act()
                return await Response(status_code=204)(scope, receive, send)
        return await self._app.current(scope, receive, send)


def create() -> ASGIApp:
    return Streamed(create_app)


def _see(scope: Scope, context: bytes) -> None:
    """Have the scope say who called the function URL, as Mangum does of a gateway's event."""
    try:
        scope["client"] = (_Context.model_validate_json(context).http.sourceIp, 0)
    except ValidationError:  # not by its URL: all of these are one
        return
