"""API Gateway → Mangum → an app, buffered."""

from typing import Any

from mangum import Mangum
from mangum.handlers import HTTPGateway
from mangum.types import ASGI, Scope


class _Decoded(HTTPGateway):
    """The gateway has decoded the path. Mangum would do so again, and `a%20b` be `a b`."""

    @property
    def scope(self) -> Scope:
        path: Any = self.event["requestContext"]["http"]["path"]
        return {**super().scope, "path": path}


def handler_of(app: ASGI) -> Mangum:
    """Without lifespan: it would be run with every invocation. Clients open themselves."""
    return Mangum(app, lifespan="off", custom_handlers=[_Decoded])
