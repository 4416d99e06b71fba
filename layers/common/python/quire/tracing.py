"""Which trace this belongs to: one id, from a request through the queues to the last worker.

Told in X-Ray's words, whose id is that of W3C's `traceparent` with a version and two dashes.
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
https://www.w3.org/TR/trace-context/#traceparent-header
"""

import json
import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache

_ROOT = re.compile(r"\bRoot=(1-[0-9a-f]{8}-[0-9a-f]{24})\b")
_PARENT = re.compile(r"\bParent=([0-9a-f]{16})\b")
_SAMPLED = re.compile(r"\bSampled=1\b")
_W3C = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
# Lambda's own, of each invocation.
_LAMBDA = "_X_AMZN_TRACE_ID"
# Where X-Ray's daemon listens: Lambda sets it.
_DAEMON = "AWS_XRAY_DAEMON_ADDRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """`id` as X-Ray writes it, `span` this part of it, `parent` the part that brought it about."""

    id: str
    parent: str | None = None
    sampled: bool = False
    span: str = field(default_factory=lambda: secrets.token_hex(8))

    def within(self) -> "Trace":
        """A part of this part."""
        return Trace(id=self.id, parent=self.span, sampled=self.sampled)

    def header(self) -> str:
        """What is sent on with a message."""
        return f"Root={self.id};Parent={self.span};Sampled={int(self.sampled)}"


def from_amazon(header: str) -> Trace | None:
    """None for what is no header of X-Ray's."""
    root, parent = _ROOT.search(header), _PARENT.search(header)
    if root is None:
        return None
    sampled = bool(_SAMPLED.search(header))
    return Trace(id=root[1], parent=parent and parent[1], sampled=sampled)


def from_w3c(header: str) -> Trace | None:
    """None for what is no traceparent. Whether it is sampled is ours to say: it costs us."""
    found = _W3C.fullmatch(header)
    if found is None or not int(found[1], 16):
        return None
    return Trace(id=f"1-{found[1][:8]}-{found[1][8:]}", parent=found[2])


def of_request(traceparent: str | None, amazon: str | None) -> Trace:
    """The caller's own trace, or that of the gateway, or Lambda's, or a new one.

    Whether it is sampled Lambda says, or its adapter in `amazon`.
    """
    ours, told = of_invocation(), from_amazon(amazon or "")
    found = from_w3c(traceparent or "") or told
    if found is None or found.id == ours.id:
        return ours
    return replace(found, sampled=ours.sampled or (told is not None and told.sampled))


def of_invocation() -> Trace:
    """Lambda's, or a new one."""
    return from_amazon(os.environ.get(_LAMBDA, "")) or _new()


def _new() -> Trace:
    return Trace(id=f"1-{secrets.token_hex(4)}-{secrets.token_hex(12)}")


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace | None:
    return _current.get()


def join(trace: Trace | None) -> None:
    """What this task does and sends from here on belongs to that trace; none changes nothing."""
    _current.set(trace or _current.get())


@contextmanager
def going_on(trace: Trace | None) -> Iterator[None]:
    """What is done and sent under it belongs to that trace; none changes nothing."""
    token = _current.set(trace or _current.get())
    try:
        yield
    finally:
        _current.reset(token)


def tell_span(
    trace: Trace,
    name: str,
    *,
    began: float,
    took: float,
    stages: Mapping[str, float],
    ids: Mapping[str, str],
) -> None:
    """Have X-Ray show it, if the trace is sampled and there is a daemon to tell; nobody waits.

    `began` is a time since the epoch, in seconds; it `took` milliseconds, as its `stages` did, one
    after the other.
    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
    """
    address = os.environ.get(_DAEMON)
    if not address or not trace.sampled:
        return
    parts, at = [], began
    for stage, lasted in stages.items():
        part = {"id": secrets.token_hex(8), "name": stage, "start_time": at}
        at += lasted / 1000
        parts.append({**part, "end_time": at})
    document = {
        "name": name,
        "id": trace.span,
        "trace_id": trace.id,
        "start_time": began,
        "end_time": began + took / 1000,
        "annotations": dict(ids),
        "subsegments": parts,
    }
    if trace.parent:
        document["parent_id"] = trace.parent
        if trace.parent in os.environ.get(_LAMBDA, ""):
            # The segment is Lambda's own.
            document["type"] = "subsegment"
    host, _, port = address.rpartition(":")
    try:
        _socket().sendto(
            b'{"format": "json", "version": 1}\n' + json.dumps(document).encode(), (host, int(port))
        )
    except (OSError, ValueError):
        return


@cache
def _socket() -> socket.socket:
    telling = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    telling.setblocking(False)
    return telling
