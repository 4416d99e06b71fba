"""What the dashboard is made of: graphs, tables of log lines, and sums over functions."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from infra.function import Function
from infra.measured import PERIOD, each, made_of, ours

# Four in a row of CloudWatch's 24 columns.
WIDTH, HEIGHT = 6, 6
_PERCENTILES = ("p50", "p95", "p99")


def graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        width=WIDTH,
        height=HEIGHT,
    )


def table(
    title: str, of: Sequence[Function], *query: str, width: int = WIDTH
) -> cloudwatch.LogQueryWidget:
    """What Logs Insights finds in the functions' lines; each look at it reads them all."""
    return cloudwatch.LogQueryWidget(
        title=title,
        log_group_names=[function.log.log_group_name for function in of],
        query_lines=list(query),
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        width=width,
        height=HEIGHT,
    )


def percentiles(name: str, *of: Function) -> list[cloudwatch.Metric]:
    return [
        ours(name, function, percentile, label=f"{percentile}, {function.name}")
        for function in of
        for percentile in _PERCENTILES
    ]


def total(
    name: str, of: Sequence[Function], label: str, period: Duration = PERIOD
) -> cloudwatch.MathExpression:
    return made_of("SUM($all)", all=each(name, of), label=label, period=period)


def hit_rate(cache: str, of: Sequence[Function]) -> cloudwatch.MathExpression:
    """In percent."""
    return made_of(
        "100 * SUM($hits) / (SUM($hits) + SUM($misses))",
        hits=[ours("CacheHits", one, cache=cache) for one in of],
        misses=[ours("CacheMisses", one, cache=cache) for one in of],
        label=cache,
    )


def waiting(queue: sqs.Queue, label: str) -> cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(label=label, statistic="Maximum")
