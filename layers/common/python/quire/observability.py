"""Structured logs, metrics and spans: a JSON object a line, with ids, and content if it is asked.

A line that tells of a whole request, turn or batch also holds what was measured meanwhile, in
CloudWatch's embedded metric format: no metric is told without what it is of, and none costs a call.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import os
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from quire import metrics, tracing
from quire.metrics import Metric
from quire.tracing import Trace

NAMESPACE = "Quire"
SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "quire")

# Of these and what is made of them the message is told: they speak of connections, or are ours.
# Others may quote what they were given.
_PLAIN = frozenset(
    "QuireError OSError OperationalError InterfaceError BotoCoreError ClientError TransportError"
    " APIConnectionError".split()
)
# What may be told of the others.
_CODES = ("status_code", "sqlstate")


class _Formatter(LambdaPowertoolsFormatter):
    """Powertools', with errors told by their types and places: `content` adds what they say."""

    content = False

    def formatException(self, ei: Any) -> str:  # noqa: N802  (logging's name)
        if self.content or ei[1] is None:
            return super().formatException(ei)
        return "".join(
            line
            for error in reversed(list(_chain(ei[1])))
            for line in (*traceback.format_tb(error.__traceback__), _said(error))
        ).rstrip()


_formatter = _Formatter(
    use_rfc3339=True,
    utc=True,
    serialize_stacktrace=False,
    # Messages are words, and are not looked into for JSON.
    json_deserializer=str,
    # The trace's id is bound, and may be the caller's own.
    xray_trace_id=None,
)
# What gateways log under names below `quire` comes this way too.
log = Logger(service="quire", logger_formatter=_formatter)
log.append_keys(service=SERVICE)


def tell_content(wanted: bool) -> None:
    """Whether this process logs what people ask and upload, and what is answered."""
    _formatter.content = wanted


def content(**fields: Any) -> dict[str, Any]:
    """The fields, if content is logged; else none."""
    return fields if _formatter.content else {}


def bind(**ids: object) -> None:
    """Have every line of this task, and of those that it starts from now on, tell these ids."""
    log.thread_safe_append_keys(**{name: str(value) for name, value in ids.items()})


def show(
    trace: Trace, name: str, *, took: float, stages: Mapping[str, float] = MappingProxyType({})
) -> None:
    """A span that ends now, with what is bound; in milliseconds, as `tracing.tell_span`."""
    tracing.tell_span(
        trace,
        f"{SERVICE}: {name}",
        began=time.time() - took / 1000,
        took=took,
        stages=stages,
        ids=log.thread_safe_get_current_keys(),
    )


def tell(message: str, **fields: Any) -> None:
    """One line of what was done just now, with all that was measured since the last such line."""
    emf, *others = _embedded(metrics.taken())
    log.info(message, **fields, **emf)
    for other in others:
        log.info("metrics", **other)


def _embedded(values: metrics.Values) -> list[dict[str, Any]]:
    """One object for each value of a dimension that one line could not tell; the first always."""
    groups: dict[tuple[str | None, str | None], list[tuple[Metric, Sequence[float]]]]
    groups = defaultdict(list)
    for (metric, of), measured in values.items():
        groups[metric.dimension, of].append((metric, measured))
    lines: list[dict[str, Any]] = [{}]
    told: list[set[str | None]] = [set()]
    for (dimension, of), measurements in groups.items():
        provider = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service=SERVICE)
        if dimension:
            provider.add_dimension(dimension, of or "unknown")
        for metric, measured in measurements:
            for value in measured:
                provider.add_metric(metric.title, metric.unit.value, value)
        emf: dict[str, Any] = {**provider.serialize_metric_set()}
        number = next((n for n, known in enumerate(told) if dimension not in known), len(lines))
        if number == len(lines):
            lines.append({})
            told.append(set())
        told[number].add(dimension)
        lines[number] = _joined(lines[number], emf)
    return lines


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both in one line: of each metric there is one there, and of each dimension one value."""
    if not one:
        return other
    one["_aws"]["CloudWatchMetrics"] += other["_aws"]["CloudWatchMetrics"]
    return {**other, **one}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, what it came of, and so on."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _said(error: BaseException) -> str:
    name = type(error).__qualname__
    if _PLAIN & {base.__name__ for base in type(error).__mro__}:
        return f"{name}: {error}\n"
    codes = [f"{code}={getattr(error, code)}" for code in _CODES if getattr(error, code, None)]
    return f"{name}({', '.join(codes)})\n"
