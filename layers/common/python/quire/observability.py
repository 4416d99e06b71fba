"""Structured logs, metrics and spans: a JSON object a line, with ids, and content if it is asked.

A line that tells of a whole request, turn or batch also holds what was measured meanwhile, in
CloudWatch's embedded metric format: no metric is told without what it is of, and none costs a call.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
import os
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.constants import MAX_METRICS

from quire import metrics, tracing
from quire.metrics import Metric
from quire.tracing import Trace

NAMESPACE = "Quire"
_DIGITS = 6  # a turn costs as little as a ten-thousandth of a dollar
SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "quire")

# Of these and what is made of them the message is told: they speak of connections. Others may
# quote what they were given.
_PLAIN = frozenset(
    "Unavailable OSError OperationalError InterfaceError TransportError HTTPClientError"
    " EndpointConnectionError APIConnectionError".split()
)
# What may be told of the others.
_CODES = ("status_code", "sqlstate", "operation_name")


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


def _in_its_trace(record: logging.LogRecord) -> bool:
    if trace := tracing.current():
        record.trace_id = trace.id
    return True


# What gateways log under names below `quire` comes this way too.
log = Logger(service="quire", logger_formatter=_formatter)
log.append_keys(service=SERVICE)
log.logger_handler.addFilter(_in_its_trace)

# It is asked for nothing but the format: what it gathers itself is one for the process.
_emf = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
_Measured = dict[Metric, Sequence[float]]


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
    trace: Trace,
    name: str,
    *,
    took: float,
    stages: Mapping[str, float] = MappingProxyType({}),
    **ids: str,
) -> None:
    """A span that ends now, with what is bound; in milliseconds, as `tracing.tell_span`."""
    tracing.tell_span(
        trace,
        f"{SERVICE}: {name}",
        began=time.time() - took / 1000,
        took=took,
        stages=stages,
        ids={**log.thread_safe_get_current_keys(), **ids},
    )


def tell(message: str, **fields: Any) -> None:
    """One line of what was done just now, with all that was measured since the last such line."""
    emf, *others = _embedded(metrics.taken())
    # A field and a dimension may be one: the model.
    log.info(message, stacklevel=3, **{**fields, **emf})
    for other in others:
        log.info("metrics", stacklevel=3, **other)


def _embedded(values: metrics.Values) -> list[dict[str, Any]]:
    """One object, and more for what one line cannot tell: two values of a dimension, or more
    than a hundred of a metric.
    """
    lines: list[dict[str, Any]] = [{}]
    for (dimension, of), measured in _grouped(values).items():
        told = {"service": SERVICE} | ({dimension: of or "unknown"} if dimension else {})
        for start in range(0, max(map(len, measured.values())), MAX_METRICS):
            part = {
                metric.title: {"Unit": metric.unit.value, "Value": some}
                for metric, all_of_it in measured.items()
                if (some := [round(v, _DIGITS) for v in all_of_it[start : start + MAX_METRICS]])
            }
            emf = _emf.serialize_metric_set(metrics=part, dimensions=told)
            line = next((one for one in lines if not {*part, dimension} & one.keys()), None)
            if line is None:
                lines.append(line := {})
            directives = line.get("_aws", {}).get("CloudWatchMetrics", [])
            line |= emf
            line["_aws"]["CloudWatchMetrics"][:0] = directives
    return lines


def _grouped(values: metrics.Values) -> dict[tuple[str | None, str | None], _Measured]:
    """By the value of their dimension."""
    groups: dict[tuple[str | None, str | None], _Measured] = {}
    for (metric, of), measured in values.items():
        groups.setdefault((metric.dimension, of), {})[metric] = measured
    return groups


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
    codes = {code: getattr(error, code, None) for code in _CODES}
    if isinstance(response := getattr(error, "response", None), dict):  # botocore's
        codes["code"] = response.get("Error", {}).get("Code")
    return f"{name}({', '.join(f'{name}={code}' for name, code in codes.items() if code)})\n"
