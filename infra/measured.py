"""Metrics by name: our own, as `quire.metrics` has them (a test compares), and what is made of any.

Infra imports no runtime code, so names are written out here and where they are looked at.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.api import Api
from infra.documents import Documents
from infra.function import Function
from infra.functions import Functions

NAMESPACE = "Quire"
PERIOD = Duration.minutes(5)
DAY = Duration.days(1)
# What has a breaker.
DEPENDENCIES = ("postgres", "qdrant", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What of a stage is looked at."""

    api: Api
    documents: Documents
    functions: Functions


def ours(
    name: str, of: Function, statistic: str = "Sum", *, label: str | None = None, **dimension: str
) -> cloudwatch.Metric:
    """What the function tells; `dimension` is the one that its values are told apart by."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": of.service, **dimension},
        statistic=statistic,
        period=PERIOD,
        label=label or of.name,
    )


def each(name: str, of: Sequence[Function], statistic: str = "Sum") -> list[cloudwatch.IMetric]:
    """The same of several functions."""
    return [ours(name, function, statistic) for function in of]


def whichever(
    name: str, of: Sequence[Function], dimension: str, *, label: str, period: Duration = PERIOD
) -> cloudwatch.MathExpression:
    """Sums by the values of the dimension, which nobody knows before. Alarms may not search."""
    services = " OR ".join(f'"{function.service}"' for function in of)
    return cloudwatch.MathExpression(
        expression=(
            f'SEARCH(\'{{{NAMESPACE},service,{dimension}}} MetricName="{name}"'
            f" service=({services})', 'Sum', {period.to_seconds()})"
        ),
        using_metrics={},
        label=label,
        period=period,
    )


def made_of(
    expression: str,
    *,
    label: str = "",
    period: Duration = PERIOD,
    **metrics: Sequence[cloudwatch.IMetric],
) -> cloudwatch.MathExpression:
    """`SUM($errors) / SUM($requests)`: in arrays, functions that told nothing are left out."""
    # An id is one metric's alone in a whole graph.
    end = re.sub(r"\W", "_", label)
    named = {
        name: {f"{name}{place}_{end}": metric for place, metric in enumerate(group)}
        for name, group in metrics.items()
    }
    arrays = {name: f"[{', '.join(group)}]" for name, group in named.items()}
    return cloudwatch.MathExpression(
        expression=Template(expression).substitute(arrays),
        using_metrics={id: metric for group in named.values() for id, metric in group.items()},
        label=label,
        period=period,
    )
