"""API Gateway on a laptop, over real HTTP; one test goes all the way to FastAPI in a sandbox."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from deployed.routes import Route
from local.gateway import Invoke, create_app
from local.lambda_runtime import (
    Function,
    FunctionError,
    LambdaRuntime,
    RequestTooLarge,
    Throttled,
    TimedOut,
)

HANDLERS = Path(__file__).parent / "handlers"
ANYTHING = [Route(["ANY"], "/{proxy+}", "f")]


class Stage:
    """A server on loopback for one gateway after another."""

    def __init__(self) -> None:
        self.app: ASGIApp = Starlette()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


Deploy = Callable[..., httpx.AsyncClient]


@pytest.fixture(scope="module")
async def deploy() -> AsyncIterator[Deploy]:
    """Makes the gateway of a function and its routes; gives the client of it."""
    stage = Stage()
    server = uvicorn.Server(uvicorn.Config(stage, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        def deploy(
            invoke: Invoke, routes: Sequence[Route] = ANYTHING, **limits: Any
        ) -> httpx.AsyncClient:
            client.cookies.clear()
            stage.app = create_app(invoke, routes, **limits)
            return client

        yield deploy
    server.should_exit = True
    await serving


async def mirror(function: str, event: Mapping[str, Any]) -> Any:
    """A function whose answer, for want of a statusCode, is the event itself."""
    return {"function": function, **event}


async def test_the_event_is_that_of_payload_format_2(deploy: Deploy) -> None:
    client = deploy(mirror, [Route(["GET", "POST"], "/v1/{kind}/{rest+}", "f")])
    response = await client.post(
        "/v1/documents/a%20book/text?tag=b%20c&tag=d&empty=",
        headers=[("Cookie", "one=1; two=2"), ("X-Many", "a"), ("X-Many", "b")],
        json={"question": "why?"},
    )
    event = response.json()
    context = event["requestContext"]

    assert event["version"] == "2.0"
    assert event["routeKey"] == context["routeKey"] == "POST /v1/{kind}/{rest+}"
    assert event["rawPath"] == context["http"]["path"] == "/v1/documents/a book/text"
    assert event["rawQueryString"] == "tag=b%20c&tag=d&empty="
    assert event["queryStringParameters"] == {"tag": "b c,d", "empty": ""}
    assert event["pathParameters"] == {"kind": "documents", "rest": "a book/text"}
    assert event["cookies"] == ["one=1", "two=2"]
    assert event["headers"]["x-many"] == "a,b"
    assert event["headers"]["content-type"] == "application/json"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["host"].endswith(event["headers"]["x-forwarded-port"])
    assert "cookie" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"question":"why?"}', False)
    assert context["stage"] == "$default"
    assert context["http"]["method"] == "POST"
    assert context["http"]["protocol"] == "HTTP/1.1"
    assert context["http"]["sourceIp"] == "127.0.0.1"
    assert context["http"]["userAgent"] == client.headers["user-agent"]
    assert context["domainName"] == "127.0.0.1"
    assert context["requestId"]
    assert context["timeEpoch"] > 0


async def test_what_a_request_lacks_its_event_lacks(deploy: Deploy) -> None:
    client = deploy(mirror, [Route(["GET"], "/health", "f")])
    event = (await client.get("/health")).json()

    assert event["rawQueryString"] == ""
    assert event["isBase64Encoded"] is False
    for absent in ("body", "cookies", "pathParameters", "queryStringParameters"):
        assert absent not in event


@pytest.mark.parametrize(
    ("content_type", "body", "is_text"),
    [
        ("text/markdown; charset=utf-8", "# Über".encode(), True),
        ("application/JSON", b"{}", True),
        ("application/xml", b"<a/>", True),
        ("text/plain", b"\xff is no UTF-8", False),
        ("application/pdf", b"%PDF", False),
        ("application/x-www-form-urlencoded", b"a=b", False),
        (None, b"who knows", False),
    ],
)
async def test_only_text_is_passed_on_as_it_is(
    deploy: Deploy, content_type: str | None, body: bytes, is_text: bool
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    client = deploy(mirror)
    event = (await client.post("/v1/documents", content=body, headers=headers)).json()

    assert event["isBase64Encoded"] is not is_text
    assert (event["body"].encode() if is_text else base64.b64decode(event["body"])) == body


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("GET", "/v1/documents", "exact"),
        ("GET", "/v1/documents/7", "one"),
        ("DELETE", "/v1/documents/7", "any"),
        ("GET", "/v1/documents/7/text", "below"),
        ("GET", "/v1/documents/7/text/8", "greedy"),
        ("GET", "/v1/documents/", "default"),
        ("PATCH", "/elsewhere", "default"),
    ],
)
async def test_the_most_specific_route_is_taken(
    deploy: Deploy, method: str, path: str, function: str
) -> None:
    routes = [
        Route(["ANY"], "$default", "default"),
        Route(["GET"], "/v1/documents/{proxy+}", "greedy"),
        Route(["ANY"], "/v1/documents/{id}", "any"),
        Route(["GET"], "/v1/documents/{id}", "one"),
        Route(["GET"], "/v1/documents/{id}/text", "below"),
        Route(["GET"], "/v1/documents", "exact"),
    ]
    client = deploy(mirror, routes)
    event = (await client.request(method, path)).json()

    assert event["function"] == function


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2"), ("POST", "/v1"), ("GET", "/v1/a/b")])
async def test_no_route_is_not_found(deploy: Deploy, method: str, path: str) -> None:
    client = deploy(mirror, [Route(["GET"], "/v1/{id}", "f")])
    response = await client.request(method, path)

    assert (response.status_code, response.json()["message"]) == (404, "Not Found")


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


async def test_fastapi_under_mangum_in_a_sandbox_is_served(deploy: Deploy, tmp_path: Path) -> None:
    function = Function(name="web", handler="web.handler", environment={}, timeout=30)
    routes = [Route(["ANY"], "/v1/{proxy+}", "web")]
    async with LambdaRuntime([function], task_root=HANDLERS, log_dir=tmp_path) as runtime:
        client = deploy(runtime.invoke, routes)
        response = await client.post(
            "/v1/documents/a%20book/text?tag=b&tag=c%26d",
            content=b"\x00\xff" * 1000,
            headers={"cookie": "who=me"},
        )
        missing = await client.get("/v1/nothing")

    assert response.json() == {"name": "a book", "who": "me", "tags": ["b", "c&d"], "length": 2000}
    assert response.headers["set-cookie"].startswith("seen=yes")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
