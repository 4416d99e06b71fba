"""What API Gateway on a laptop makes of a request, over real HTTP."""

import base64

import pytest

from deployed.routes import Route
from tests.integration.gateway.conftest import Deploy, mirror


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
