"""A synthesized template, asked about by what resources are, never by their generated ids."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Resource = Mapping[str, Any]


class Template:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text()
        self._json: dict[str, Any] = json.loads(self.text)

    def resources(self, type: str) -> dict[str, Resource]:
        """By logical id, to be followed where another resource refers to it."""
        found = self._json["Resources"].items()
        return {id: resource for id, resource in found if resource["Type"] == type}

    def properties(self, type: str) -> list[dict[str, Any]]:
        return [resource.get("Properties", {}) for resource in self.resources(type).values()]

    def one(self, type: str) -> dict[str, Any]:
        (only,) = self.properties(type)
        return only

    def types(self) -> set[str]:
        return {resource["Type"] for resource in self._json["Resources"].values()}

    def output(self, name: str) -> Any:
        return self._json["Outputs"][name]["Value"]

    def functions(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Ours, by handler: logical id and properties."""
        found = self.resources("AWS::Lambda::Function").items()
        return {
            resource["Properties"]["Handler"]: (id, resource["Properties"])
            for id, resource in found
            if resource["Properties"]["Runtime"].startswith("python")
        }

    def statements(self, handler: str) -> list[dict[str, Any]]:
        """What that function's role may do."""
        role = self.functions()[handler][1]["Role"]["Fn::GetAtt"][0]
        return [
            statement
            for policy in self.properties("AWS::IAM::Policy")
            if {"Ref": role} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]


def listed(value: Any) -> list[Any]:
    """CloudFormation writes a list of one without its brackets."""
    return value if isinstance(value, list) else [value]


def flat(value: Any) -> str:
    """An intrinsic as text: `<id.Arn>/uploads/*`."""
    if isinstance(value, str):
        return value
    (kind, inner), *_ = value.items()
    if kind == "Fn::Join":
        return "".join(map(flat, inner[1]))
    return f"<{inner if isinstance(inner, str) else '.'.join(inner)}>"
