"""Who is before an app: CloudFront, where a stage has it, and the address behind a request.

`scope["client"]` is who was seen to call: the source that AWS saw, at API Gateway (Mangum has it of
the event) and at the function URL (of its adapter: `functions/chat/streamed.py`), and the socket's
peer on a laptop. `X-Forwarded-For` is asked nowhere: its beginning is whatever a caller wrote, and
a function URL keeps nothing else of it (ADR 23).
"""

from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

from quire.errors import Forbidden

_KEY = "quire-edge"
# What CloudFront overwrites, whoever sent one (`infra/edge.py`).
_VIEWER = "quire-viewer"
# A subscriber has as many addresses of IPv6 as they like, in a network of their own.
_NETWORK = 64


class Edge:
    """What shows one of its `keys` is believed; with `only`, nobody else is served."""

    def __init__(self, *keys: str, only: bool) -> None:
        """Raises ValueError where all have to show a key that is not known."""
        if only and not keys:
            raise ValueError("edge_only is set, but the runtime secret has no edge_key")
        self._keys = [key.encode() for key in keys]
        self._only = only

    def check(self, scope: Scope) -> None:
        """Raises Forbidden."""
        if self._only and not self._is_shown(scope):
            raise Forbidden("Call this by the address that its stage is known by.")

    def address(self, scope: Scope) -> str | None:
        """Whence a request comes: of IPv6 the network, as whoever has one address there has all."""
        told = Headers(scope=scope).get(_VIEWER) if self._is_shown(scope) else None
        seen = scope.get("client")
        return _network(told or (seen[0] if seen else ""))

    def _is_shown(self, scope: Scope) -> bool:
        shown = Headers(scope=scope).get(_KEY, "").encode("latin-1")
        return any(compare_digest(shown, key) for key in self._keys)


NO_EDGE = Edge(only=False)


def _network(address: str) -> str | None:
    try:
        found = ip_address(address)
    except ValueError:  # a local socket's peer has none
        return address or None
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or IPv6Network((found, _NETWORK), strict=False))
