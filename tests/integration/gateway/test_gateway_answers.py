"""What API Gateway on a laptop answers; one test goes all the way to FastAPI in a sandbox."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deployed.routes import Route
from local.deployment import PYTHON_PATH
from local.lambda_runtime import (
    Function,
    FunctionError,
    LambdaRuntime,
    RequestTooLarge,
    Throttled,
    TimedOut,
)
from tests.integration.gateway.conftest import Deploy

HANDLERS = Path(__file__).parents[1] / "handlers"


async def test_an_answer_becomes_the_response(deploy: Deploy) -> None:
    async def answer(function: str, event: Mapping[str, Any]) -> Any:
        return {
            "statusCode": 201,
            "headers": {"Location": "/v1/documents/7", "X-Count": 3, "content-length": "999"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "größer",
        }

    client = deploy(answer)
    response = await client.post("/v1/documents")

    assert response.status_code == 201
    assert response.text == "größer"
    assert response.headers["location"] == "/v1/documents/7"
    assert response.headers["x-count"] == "3"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]


async def test_a_base64_answer_becomes_bytes(deploy: Deploy) -> None:
    async def answer(function: str, event: Mapping[str, Any]) -> Any:
        body = base64.b64encode(b"\x89PNG").decode()
        headers = {"content-type": "image/png"}
        return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}

    client = deploy(answer)
    response = await client.get("/cover")

    assert (response.content, response.headers["content-type"]) == (b"\x89PNG", "image/png")


@pytest.mark.parametrize("answer", [{"message": "hello"}, ["a", 1], "plain", None])
async def test_an_answer_without_a_status_is_a_json_body(deploy: Deploy, answer: Any) -> None:
    async def function(name: str, event: Mapping[str, Any]) -> Any:
        return answer

    client = deploy(function)
    response = await client.get("/hello")

    assert (response.status_code, response.json()) == (200, answer)
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "later"},
        {"statusCode": 7},
        {"statusCode": 200, "body": {"not": "a string"}},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"x-title": "ж"}},
    ],
)
async def test_a_nonsensical_answer_is_an_internal_error(deploy: Deploy, answer: Any) -> None:
    async def function(name: str, event: Mapping[str, Any]) -> Any:
        return answer

    client = deploy(function)
    response = await client.get("/nonsense")

    assert (response.status_code, response.json()["message"]) == (500, "Internal Server Error")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (FunctionError("ValueError", "no such book"), 500, "Internal Server Error"),
        (TimedOut("Task timed out after 3.00 seconds"), 500, "Internal Server Error"),
        (Throttled("All sandboxes are busy."), 503, "Service Unavailable"),
        (RequestTooLarge("The event has too many bytes."), 413, "Request Entity Too Large"),
    ],
)
async def test_a_failed_invocation_is_told_as_api_gateway_tells_it(
    deploy: Deploy, error: Exception, status: int, message: str
) -> None:
    async def function(name: str, event: Mapping[str, Any]) -> Any:
        raise error

    client = deploy(function)
    response = await client.get("/failing")

    assert (response.status_code, response.json()["message"]) == (status, message)


async def test_a_function_slower_than_the_gateway_runs_on_unheard(
    deploy: Deploy, tmp_path: Path
) -> None:
    function = Function(name="f", handler="sandboxed.hold", environment={}, timeout=20)
    async with LambdaRuntime([function], task_root=HANDLERS, log_dir=tmp_path) as runtime:

        async def invoke(name: str, event: Mapping[str, Any]) -> Any:
            files = {"started": str(tmp_path / "started"), "release": str(tmp_path / "release")}
            return await runtime.invoke(name, files)

        client = deploy(invoke, timeout=0.2)
        response = await client.get("/slow")
        (tmp_path / "release").touch()
        async with asyncio.timeout(20):
            while not (tmp_path / "started.done").exists():
                await asyncio.sleep(0.005)

    assert (response.status_code, response.json()["message"]) == (503, "Service Unavailable")


async def test_a_body_above_ten_megabytes_is_refused_whole_or_in_pieces(deploy: Deploy) -> None:
    async def length(function: str, event: Mapping[str, Any]) -> Any:
        return len(event["body"])

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 1024 * 1024

    ten = 10 * 1024 * 1024
    text = {"content-type": "text/plain"}
    client = deploy(length)
    most = await client.post("/v1/documents", content=b"x" * ten, headers=text)
    whole = await client.post("/v1/documents", content=b"x" * (ten + 1), headers=text)
    chunked = await client.post("/v1/documents", content=pieces(), headers=text)

    assert most.json() == ten
    for refused in (whole, chunked):
        assert refused.status_code == 413
        assert refused.headers["content-type"] == "application/problem+json"
        problem = refused.json()
        assert problem.pop("request_id")
        assert problem == {
            "type": "urn:quire:problem:request-entity-too-large",
            "title": "Request Entity Too Large",
            "status": 413,
            "detail": "The request is too large.",
            "instance": "/v1/documents",
            "message": "Request Entity Too Large",
        }


@pytest.fixture(scope="module")
async def served(
    deploy: Deploy, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callable[[], httpx.AsyncClient]]:
    """An app of FastAPI's behind the gateway, in a sandbox."""
    function = Function(
        name="web", handler="web.handler", environment={"PYTHONPATH": PYTHON_PATH}, timeout=30
    )
    routes = [Route(["ANY"], "/v1/{proxy+}", "web")]
    logs = tmp_path_factory.mktemp("logs")
    async with LambdaRuntime([function], task_root=HANDLERS, log_dir=logs) as runtime:
        yield lambda: deploy(runtime.invoke, routes)


async def test_fastapi_under_mangum_in_a_sandbox_is_served(
    served: Callable[[], httpx.AsyncClient],
) -> None:
    client = served()
    response = await client.post(
        "/v1/documents/a%20book/text?tag=b&tag=c%26d",
        content=b"\x00\xff" * 1000,
        headers={"cookie": "who=me", "x-forwarded-for": "203.0.113.9"},
    )
    missing = await client.get("/v1/nothing")

    assert response.json() == {
        "name": "a book",
        "who": "me",
        "tags": ["b", "c&d"],
        "length": 2000,
        "seen": "127.0.0.1",
    }
    assert response.headers["set-cookie"].startswith("seen=yes")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})


@settings(max_examples=60, deadline=None)
@example(user="50%20off")
@example(user="%2520")
@example(user="a/../b//c?d#e ")
@example(user="auth0|5f%7C")
@given(user=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1))
async def test_who_is_named_in_a_path_arrives_as_named(
    served: Callable[[], httpx.AsyncClient], user: str
) -> None:
    """Decoded once: else who asks to have `a%20b` erased loses `a b`."""
    answer = await served().delete(f"/v1/admin/users/{quote(user, safe='')}")
    assert answer.json() == user
