"""Function URL → Lambda Web Adapter → uvicorn → the app, streamed.

The adapter asks whether the app is ready, and tells it of snapshots, by requests of its own:
https://aws.github.io/aws-lambda-web-adapter/features/snapstart.html
"""

import gc
import os
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from functions.chat.app import create as create_app
from quire.snapshots import Renewed

# The adapter's own settings: whoever deploys names the paths in one place.
_READY = "AWS_LWA_READINESS_CHECK_PATH"
_BEFORE = "AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH"
_AFTER = "AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH"
# What it adds to every request that came from outside, and to none of its own.
_FROM_OUTSIDE = b"x-amzn-request-context"


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
        act = self._told.get(f"{scope['method']} {scope['path']}") if _is_adapter(scope) else None
        if act is None:
            return await self._app.current(scope, receive, send)
        act()
        return await Response(status_code=204)(scope, receive, send)


def create() -> ASGIApp:
    return Streamed(create_app)


def _is_adapter(scope: Scope) -> bool:
    """The adapter refuses strangers its hooks' paths itself; this is the second wall."""
    return scope["type"] == "http" and all(name != _FROM_OUTSIDE for name, _ in scope["headers"])
