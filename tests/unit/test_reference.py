"""The API reference is whole, valid, and what the routes say today."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from deployed.routes import ROUTES, Route
from local.deployment import ROOT
from tests.documented import DOCUMENT, Documented

documented = Documented()
endpoints = pytest.mark.parametrize(
    ("method", "path", "spec"),
    [pytest.param(*one, id=f"{one[0]} {one[1]}") for one in documented.endpoints()],
)


def test_it_is_up_to_date(tmp_path: Path) -> None:
    """If not, `make openapi` is."""
    written = tmp_path / "openapi.json"
    subprocess.run([sys.executable, "-m", "reference", written], cwd=ROOT, check=True)
    assert written.read_text() == DOCUMENT.read_text()


def test_it_is_valid() -> None:
    validate(documented.document)


@endpoints
def test_an_endpoint_is_told_in_full(method: str, path: str, spec: dict[str, Any]) -> None:
    assert spec["summary"]
    assert spec["description"]
    names = {documented.resolved(one)["name"] for one in spec["parameters"]}
    assert ("Idempotency-Key" in names) == (method == "POST")
    assert re.findall(r"\{(\w+)\}", path) == [n for n in names if f"{{{n}}}" in path]
    public = path.startswith("/health")
    assert spec["security"] == ([] if public else [{"bearer": []}])
    assert public == ("Quire-User" not in names)
    assert public == ("401" not in spec["responses"])


@endpoints
def test_its_examples_fit(method: str, path: str, spec: dict[str, Any]) -> None:
    parts = [spec.get("requestBody", {}), *map(documented.resolved, spec["responses"].values())]
    for part in parts:
        for kind, media in part.get("content", {}).items():
            if kind == "text/event-stream":
                documented.check_stream(media["example"], media["schema"])
            else:
                documented.check(media["example"], media["schema"])


@endpoints
def test_its_errors_are_problems(method: str, path: str, spec: dict[str, Any]) -> None:
    """But for the dialect's, and for what health answers."""
    dialect = path.startswith(("/v1/chat/completions", "/v1/models"))
    kind, shape = (
        ("application/json", "OpenAIError") if dialect else ("application/problem+json", "Problem")
    )
    for status, response in spec["responses"].items():
        if status >= "400" and not (path.startswith("/health") and status == "503"):
            (content,) = documented.resolved(response)["content"].items()
            assert content[0] == kind
            assert content[1]["schema"] == {"$ref": f"#/components/schemas/{shape}"}


def test_answers_may_have_more_fields() -> None:
    answer = documented.document["components"]["schemas"]["Answer"]
    assert answer["additionalProperties"] is True


def leads(route: Route, method: str, path: str) -> bool:
    pattern = re.sub(r"\{\w+\}", "[^/]+", re.sub(r"\{\w+\+\}", ".+", route.path))
    return route.takes(method) and bool(re.fullmatch(pattern, path))


@endpoints
def test_a_route_leads_to_it(method: str, path: str, spec: dict[str, Any]) -> None:
    assert any(leads(route, method, path) for route in ROUTES)


@pytest.mark.parametrize(
    ("method", "route"),
    [
        pytest.param(method, route, id=route.key(method))
        for route in ROUTES
        for method in route.methods
        if route.path != "$default"
    ],
)
def test_a_route_leads_to_an_endpoint(method: str, route: Route) -> None:
    # What GET answers is told of HEAD too.
    asked = "GET" if method == "HEAD" else method
    assert any(
        asked in (of, "ANY") and leads(route, of, path) for of, path, _ in documented.endpoints()
    )
