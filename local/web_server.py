"""An HTTP server inside a running loop: uvicorn without its grip on the signals."""

import socket

import uvicorn
from starlette.types import ASGIApp

from local.children import ServiceFailed


class WebServer:
    """Serves an app on loopback from `start` until `stop`."""

    def __init__(self, app: ASGIApp, *, name: str, port: int) -> None:
        self._name = name
        self._port = port
        self._server = embedded(app)
        self._listener: socket.socket | None = None

    async def start(self) -> None:
        """Raises ServiceFailed if the port is taken."""
        self._listener = _listen(self._name, self._port)
        await self._server.startup(sockets=[self._listener])

    async def stop(self) -> None:
        if self._listener:
            await self._server.shutdown(sockets=[self._listener])


def embedded(app: ASGIApp, *, keep_alive_seconds: int = 5) -> uvicorn.Server:
    """A server whose `startup` and `shutdown` are called; `Server.serve` would take the signals."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=keep_alive_seconds,
        # Nobody is in front who would say who calls: that is the socket's peer, as AWS sees it.
        proxy_headers=False,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


def _listen(name: str, port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's algorithm off only then: 40 ms each.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise ServiceFailed(
            f"Port {port} is taken (needed by {name}); "
            f"stop what uses it or set QUIRE_{name.upper()}_PORT."
        ) from error
    return listener
