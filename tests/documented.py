"""The API reference as a measure: examples and answers are held against it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
from openapi_schema_validator import OAS31Validator

from local.deployment import ROOT

DOCUMENT = ROOT / "functions/chat/openapi.json"


class Documented:
    def __init__(self) -> None:
        self.document = json.loads(DOCUMENT.read_text())
        # As in ("GET /v1/models", 200): what was answered, and so was checked.
        self.answered: set[tuple[str, int]] = set()

    def endpoints(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, methods in self.document["paths"].items():
            for method, spec in methods.items():
                yield method.upper(), path, spec

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """The part itself, or what it refers to."""
        found = part
        if "$ref" in part:
            found = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
        return found

    def check(self, value: Any, schema: dict[str, Any]) -> None:
        whole = {**schema, "components": self.document["components"]}
        OAS31Validator(whole, format_checker=OAS31Validator.FORMAT_CHECKER).validate(value)

    def check_stream(self, text: str, schema: dict[str, Any]) -> None:
        """The schema of a stream is that of each event's data."""
        data = [line.removeprefix("data: ") for line in text.splitlines() if line[:5] == "data:"]
        assert data
        for one in data:
            if one != "[DONE]":
                self.check(json.loads(one), schema)

    async def check_answer(self, answer: httpx.Response) -> None:
        """Its status, its type and its body are documented for what was asked (httpx's hook)."""
        method, path = answer.request.method, answer.request.url.path
        template = next(
            template
            for of, template, _ in self.endpoints()
            if of == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        )
        await self.check_answer_of(f"{method} {template}", answer)

    async def check_answer_of(self, endpoint: str, answer: httpx.Response) -> None:
        """The same, where it is known what was asked: `GET /v1/jobs/{job_id}`."""
        text = (await answer.aread()).decode()
        method, _, template = endpoint.partition(" ")
        spec = self.document["paths"][template][method.lower()]
        assert str(answer.status_code) in spec["responses"], f"{endpoint}: {text}"
        response = self.resolved(spec["responses"][str(answer.status_code)])
        for name, header in response.get("headers", {}).items():
            assert name in answer.headers or not self.resolved(header).get("required"), name
        if content := response.get("content"):
            kind = answer.headers["content-type"].partition(";")[0]
            schema = content[kind]["schema"]
            if kind == "text/event-stream":
                self.check_stream(text, schema)
            elif kind.endswith("json"):
                self.check(json.loads(text), schema)
        else:
            assert text == ""
        self.answered.add((endpoint, answer.status_code))
