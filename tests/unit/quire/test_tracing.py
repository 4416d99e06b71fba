"""Trace ids in two spellings, and spans as X-Ray's daemon hears them."""

import json
import socket
from collections.abc import Iterator
from contextvars import Context
from typing import Any

import pytest

from quire import tracing
from quire.observability import show
from quire.tracing import Trace, from_amazon, from_w3c, going_on, of_request

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"
TRACEPARENT = f"00-{ROOT[2:].replace('-', '')}-{PARENT}-01"


def test_a_trace_is_the_same_in_both_spellings() -> None:
    amazon = from_amazon(f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=a:1|b:2")
    w3c = from_w3c(TRACEPARENT)
    assert amazon
    assert w3c
    assert (amazon.id, amazon.parent, amazon.sampled) == (ROOT, PARENT, True)
    # A stranger's wish costs nothing.
    assert (w3c.id, w3c.parent, w3c.sampled) == (ROOT, PARENT, False)
    again = from_amazon(amazon.header())
    assert again
    assert (again.id, again.parent, again.sampled) == (ROOT, amazon.span, True)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Root=",
        f"Root={ROOT}0",
        "Root=1-zzzz",
        f"Parent={PARENT}",
        f"Root={ROOT.upper()}",
        "é\n",
    ],
)
def test_what_is_no_header_is_no_trace(header: str) -> None:
    assert from_amazon(header) is None


@pytest.mark.parametrize(
    "header",
    ["", "00-", TRACEPARENT[:-3], TRACEPARENT.upper(), f"00-{'0' * 32}-{PARENT}-01", "\n"],
)
def test_what_is_no_traceparent_is_no_trace(header: str) -> None:
    assert from_w3c(header) is None


def test_the_callers_own_comes_before_lambdas(monkeypatch: pytest.MonkeyPatch) -> None:
    others = "1-00000001-000000000000000000000001"
    assert of_request(None, None).id != of_request(None, None).id
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={others};Parent={PARENT};Sampled=0")
    assert of_request(None, None).id == of_request("junk", "junk").id == others
    assert of_request(None, f"Root={ROOT}").id == ROOT
    assert of_request(TRACEPARENT, f"Root={others}").id == ROOT


def test_whether_it_is_sampled_lambda_says(monkeypatch: pytest.MonkeyPatch) -> None:
    others = f"Root=1-00000001-000000000000000000000001;Parent={PARENT}"
    assert not of_request(TRACEPARENT, f"Root={ROOT}").sampled
    # Its adapter hands on in a header what others find in the environment.
    assert of_request(TRACEPARENT, f"{others};Sampled=1").sampled
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={PARENT};Sampled=1")
    assert of_request(TRACEPARENT, others).sampled
    # The gateway knows the trace only, and Lambda has a part of it.
    trace = of_request(None, f"Root={ROOT}")
    assert (trace.id, trace.parent, trace.sampled) == (ROOT, PARENT, True)


def test_what_has_none_leaves_the_one_there_is() -> None:
    trace = Trace(id=ROOT)
    with going_on(trace):
        with going_on(None):
            assert tracing.current() is trace
        with going_on(trace.within()):
            assert tracing.current() is not trace
        assert tracing.current() is trace
    assert tracing.current() is None


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    tracing._socket().close()
    tracing._socket.cache_clear()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(0.2)
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
        yield listening


def heard(daemon: socket.socket) -> dict[str, Any]:
    head, body = daemon.recv(65_536).split(b"\n", 1)
    assert json.loads(head) == {"format": "json", "version": 1}
    document: dict[str, Any] = json.loads(body)
    return document


def test_a_span_has_its_stages_one_after_the_other(
    daemon: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Trace(id=ROOT, parent=PARENT, sampled=True)
    stages = {"open": 10, "model": 20}
    # In a context of its own: what another test has bound is none of its ids.
    Context().run(show, whole.within(), "turn", took=30, stages=stages, document_id="d")
    span = heard(daemon)
    assert (span["trace_id"], span["parent_id"], span["name"]) == (ROOT, whole.span, "quire: turn")
    assert span["annotations"] == {"document_id": "d"}
    first, second = span["subsegments"]
    assert (first["name"], second["name"]) == ("open", "model")
    assert first["end_time"] == second["start_time"]
    assert second["end_time"] == pytest.approx(span["end_time"])
    assert span["end_time"] - span["start_time"] == pytest.approx(0.03, abs=1e-5)
    assert "type" not in span
    # Within Lambda's own segment.
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={PARENT};Sampled=1")
    show(whole, "request", took=1)
    assert (heard(daemon)["type"], whole.parent) == ("subsegment", PARENT)


def test_what_is_not_sampled_is_not_told(daemon: socket.socket) -> None:
    show(Trace(id=ROOT), "turn", took=1)
    with pytest.raises(TimeoutError):
        daemon.recv(1)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "127.0.0.1:many"])
def test_nobody_minds_that_there_is_no_daemon(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    show(Trace(id=ROOT, sampled=True), "turn", took=1)
    show(Trace(id=ROOT, sampled=True), "turn", took=1)
