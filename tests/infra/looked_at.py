"""What a template's alarms and its dashboard look at."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.infra.template import Template, flat

_SEARCH = re.compile(r"""\{(\w+),([\w,]+)\} MetricName="(\w+)" service=\(([^)]*)\)""")


@dataclass(frozen=True)
class LookedAt:
    """`dimensions` by name; a search has a value for `service` alone, and "" for what it finds."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @property
    def of(self) -> dict[str, str]:
        return dict(self.dimensions)


def of_alarms(template: Template) -> Iterator[LookedAt]:
    for alarm in template.properties("AWS::CloudWatch::Alarm"):
        yield from of_alarm(alarm)


def of_alarm(alarm: dict[str, Any]) -> list[LookedAt]:
    several = [
        one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one
    ]
    return [
        LookedAt(
            one["Namespace"],
            one["MetricName"],
            frozenset((d["Name"], flat(d["Value"])) for d in one["Dimensions"]),
        )
        for one in several or [alarm]
    ]


def widgets(template: Template) -> list[dict[str, Any]]:
    body = flat(template.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def of_dashboard(template: Template) -> Iterator[LookedAt]:
    for widget in widgets(template):
        for metric in widget["properties"].get("metrics", []):
            *named, options = metric if isinstance(metric[-1], dict) else [*metric, {}]
            if named:
                namespace, name, *pairs = named
                yield LookedAt(
                    namespace, name, frozenset(zip(pairs[::2], pairs[1::2], strict=True))
                )
            elif "SEARCH" in options["expression"]:
                (search,) = _SEARCH.findall(options["expression"])
                namespace, dimensions, name, services = search
                for service in re.findall(r'"([^"]+)"', services):
                    told = dict.fromkeys(dimensions.split(","), "") | {"service": service}
                    yield LookedAt(namespace, name, frozenset(told.items()))


def queries(template: Template) -> list[str]:
    return [w["properties"]["query"] for w in widgets(template) if w["type"] == "log"]
