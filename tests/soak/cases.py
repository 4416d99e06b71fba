"""Cases for every endpoint, made from the API reference: right ones, wrong ones, and callers."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import requests
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode, openapi
from schemathesis.core.errors import SchemathesisError
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok

from local.stack import Stack
from tests.documented import DOCUMENT

# What both front doors serve; the rest is behind API Gateway alone.
_CHAT = re.compile(r"/v1/(chat|models|retrieve|messages|sessions|usage|admin/persona)")
# One in so many comes as somebody whom nobody knows.
_STRANGERS = 6
_LETTERS = string.ascii_letters + string.digits + "-_.=+/ é"
_SENT = ("content-type", "idempotency-key", "last-event-id", "quire-user")
RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Who may call, as what `Authorization` holds, and ids of what is there, by parameter."""

    key: str
    token: str
    ids: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Made:
    """A request for an endpoint, named as in `GET /v1/jobs/{job_id}`.

    `wrong` has a body that the reference does not allow; `admitted` comes from who is known, or to
    where anybody may come. `elsewhere` is what has become another address by what was put into it.
    """

    endpoint: str
    request: httpx.Request
    wrong: bool
    admitted: bool
    elsewhere: bool


@st.composite
def requests_to(draw: st.DrawFn, stack: Stack, known: Known) -> Made:
    operation = draw(st.sampled_from(_operations()))
    mode = draw(st.sampled_from([RIGHT, WRONG]))
    if (strategy := _cases(operation.label, mode)) is None:
        mode, strategy = RIGHT, _cases(operation.label, RIGHT)
    assert strategy is not None
    case: Case[Any] = draw(strategy)
    # Deleted it would be there for nobody after.
    for name in case.path_parameters if operation.method != "delete" else ():
        if known.ids.get(name) and draw(st.booleans()):
            case.path_parameters[name] = draw(st.sampled_from(known.ids[name]))
    admitted = draw(st.integers(0, _STRANGERS)) < _STRANGERS
    credential = known.key if admitted else draw(_strangers(known))
    doors = [stack.configuration.api_url]
    if _CHAT.match(operation.path):
        doors.append(stack.configuration.stream_url)
    request = _request(case, draw(st.sampled_from(doors)), credential)
    return Made(
        endpoint=operation.label,
        request=request,
        wrong=_has_wrong_body(case),
        admitted=admitted or operation.path.startswith("/health"),
        elsewhere=request.url.path.count("/") != operation.path.count("/"),
    )


def _has_wrong_body(case: Case[Any]) -> bool:
    body = case.meta.components.get(ParameterLocation.BODY) if case.meta else None
    return body is not None and body.mode == WRONG


@st.composite
def _strangers(draw: st.DrawFn, known: Known) -> str | None:
    """Nobody, or a key or a token with something in it changed."""
    credential = draw(st.sampled_from([None, known.key, known.token]))
    if credential is None:
        return None
    at, width = draw(st.integers(7, len(credential) - 1)), draw(st.integers(1, 3))
    put = draw(st.text(_LETTERS, max_size=3))
    mutant = credential[:at] + put + credential[at + width :]
    return None if mutant.strip() == credential else mutant


def _request(case: Case[Any], url: str, credential: str | None) -> httpx.Request:
    given = case.as_transport_kwargs(base_url=url)
    # By the library that the case was made for: it knows how to write down what is odd.
    sent = requests.Request(
        **{
            name: given[name]
            for name in ("method", "url", "params", "data", "json")
            if name in given
        }
    ).prepare()
    headers = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in {**given.get("headers", {}), **sent.headers}.items()
        if name.lower() in _SENT
    ]
    if credential is not None:
        headers.append((b"Authorization", credential.encode()))
    body = sent.body.encode() if isinstance(sent.body, str) else bytes(sent.body or b"")  # type: ignore[arg-type]
    return httpx.Request(str(sent.method), str(sent.url), headers=headers, content=body)


@cache
def _operations() -> list[APIOperation[Any, Any, Any, Any]]:
    schema = openapi.from_path(str(DOCUMENT))
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


@cache
def _cases(label: str, mode: GenerationMode) -> st.SearchStrategy[Case[Any]] | None:
    """None where nothing can be wrong."""
    operation = next(one for one in _operations() if one.label == label)
    if mode == WRONG and not (operation.body or operation.query):
        return None
    try:
        return operation.as_strategy(mode)
    except SchemathesisError:
        return None
