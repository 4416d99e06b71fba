"""One page for a stage: are people served, what does it cost, is all else well."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.api import Api
from infra.config import StageConfig
from infra.documents import Documents
from infra.functions import Functions
from infra.measured import DAY, DEPENDENCIES, Seen, each, made_of, ours, whichever
from infra.widgets import HEIGHT, WIDTH, graph, hit_rate, percentiles, table, total, waiting

# Each graph's own periods, whatever range is looked at.
_AS_SAID = cloudwatch.PeriodOverride.INHERIT
_PERCENTILES = ("p50", "p95", "p99")
# Tenants are fields of lines: as a dimension each would be a metric to be paid.
_BY_TENANT = (
    'filter message = "turn"',
    "stats sum(cost_usd) as dollars, count(*) as turns, sum(prompt_tokens) as prompt,"
    " sum(cached_tokens) as cached, sum(completion_tokens) as completion by tenant",
    "sort dollars desc",
    "limit 20",
)
_BY_OUTCOME = (
    'filter message = "document"',
    "stats count_distinct(document_id) as documents by outcome",
)
# Lambda's own lines: nothing else tells how much memory was used.
_MEMORY = (
    'filter @type = "REPORT"',
    "stats max(@maxMemoryUsed / 1000000) as used_mb, max(@memorySize / 1000000) as of_mb,"
    " max(@duration) as longest_ms, max(@initDuration) as slowest_start_ms by @log",
)


class Dashboard(Construct):
    """`url` is where it is looked at."""

    def __init__(self, scope: Construct, id: str, *, stage: StageConfig, seen: Seen) -> None:
        super().__init__(scope, id)
        dashboard = cloudwatch.Dashboard(
            self, "Page", default_interval=Duration.days(1), period_override=_AS_SAID
        )
        for question, widgets in {
            "Are people served?": _served(seen.api, seen.functions),
            "What does it cost today?": _cost(seen.functions),
            "Is ingestion keeping up?": _ingestion(seen.documents, seen.functions),
            "Are the dependencies well?": _dependencies(seen.functions),
            "Are we near a limit?": _limits(seen.api, seen.functions),
        }.items():
            heading = f"## quire-{stage.name}: {question} (what to do: {stage.runbook})"
            dashboard.add_widgets(cloudwatch.TextWidget(markdown=heading, width=24, height=1))
            dashboard.add_widgets(*widgets)
        self.url = (
            f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home"
            f"?region={Aws.REGION}#dashboards:name={dashboard.dashboard_name}"
        )


def _served(api: Api, functions: Functions) -> list[cloudwatch.IWidget]:
    http, (chat, stream) = api.http_api, functions.asked
    return [
        graph(
            "Requests, and answers 5xx",
            http.metric_count(label="API", statistic="Sum"),
            ours("RequestTime", stream, "SampleCount", label="streaming"),
            http.metric_server_error(label="API: 5xx", statistic="Sum"),
            ours("ServerErrors", stream, label="streaming: 5xx"),
        ),
        graph("A turn, ms", *percentiles("TurnTime", chat, stream)),
        graph("Until the first words, ms", *percentiles("FirstTokenTime", stream)),
        graph(
            "Turns",
            *(
                total(name, functions.asked, label)
                for name, label in (
                    ("TurnsComplete", "complete"),
                    ("TurnsIncomplete", "broken off"),
                    ("TurnsFailed", "came to nothing"),
                    ("TurnsDegraded", "did without something"),
                )
            ),
        ),
    ]


def _cost(functions: Functions) -> list[cloudwatch.IWidget]:
    asked = functions.asked
    embedding = (functions.ingest, functions.maintenance)
    return [
        cloudwatch.SingleValueWidget(
            title="Dollars a day, for models",
            metrics=[
                total("Dollars", asked, "asking", DAY),
                total("Dollars", embedding, "reading", DAY),
            ],
            period=DAY,
            width=WIDTH,
            height=HEIGHT,
        ),
        graph(
            "Tokens a day",
            whichever("PromptTokens", asked, "model", label="prompt", period=DAY),
            whichever("CachedTokens", asked, "model", label="cached", period=DAY),
            whichever("CompletionTokens", asked, "model", label="completion", period=DAY),
            total("EmbeddingTokens", (*asked, *embedding), "embedding", DAY),
        ),
        table("Who asks, and what that costs", asked, *_BY_TENANT, width=2 * WIDTH),
    ]


def _ingestion(documents: Documents, functions: Functions) -> list[cloudwatch.IWidget]:
    workers = (functions.ingest, functions.maintenance)
    queues = {
        "documents": documents.documents,
        "bulk": documents.bulk,
        "maintenance": documents.maintenance,
    }
    return [
        graph(
            "Messages that wait",
            *(waiting(queue, name) for name, queue in {**queues, "dead": documents.dead}.items()),
        ),
        graph(
            "Age of the oldest message, s",
            *(
                queue.metric_approximate_age_of_oldest_message(label=name)
                for name, queue in queues.items()
            ),
            ours("QueueAge", functions.ingest, "Maximum", label="when a worker had it"),
        ),
        graph(
            "Documents and messages",
            *(
                total(name, workers, label)
                for name, label in (
                    ("DocumentsReady", "ready"),
                    ("DocumentsFailed", "failed"),
                    ("HandOvers", "handed over"),
                    ("MessagesPutOff", "put off"),
                    ("MessagesHeld", "held up by a switch"),
                    ("MessagesGivenUp", "given up"),
                )
            ),
        ),
        table("Documents that were worked on", workers, *_BY_OUTCOME),
    ]


def _dependencies(functions: Functions) -> list[cloudwatch.IWidget]:
    working, (chat, stream) = functions.working, functions.asked
    ingest = functions.ingest
    return [
        graph("Waiting for PostgreSQL, ms (p95)", *each("AcquireTime", working, "p95")),
        graph(
            "Connections of one process, and who waits for one",
            *each("PoolInUse", working, "Maximum"),
            made_of(
                "MAX($waiting)",
                waiting=each("PoolWaiting", working, "Maximum"),
                label="waiting",
            ),
        ),
        graph("A transaction, ms (p95)", *each("StatementTime", working, "p95")),
        graph(
            "Qdrant, ms (p95)",
            ours("SearchTime", chat, "p95", label="search, chat"),
            ours("SearchTime", stream, "p95", label="search, chat-stream"),
            ours("IndexingTime", ingest, "p95", label="indexing"),
        ),
        graph(
            "Models, ms (p95)",
            ours("EmbeddingTime", chat, "p95", label="a question, chat"),
            ours("EmbeddingTime", stream, "p95", label="a question, chat-stream"),
            ours("ModelTime", chat, "p95", label="an answer, chat"),
            ours("ModelTime", stream, "p95", label="an answer, chat-stream"),
            ours("ChunkEmbeddingTime", ingest, "p95", label="chunks"),
        ),
        graph(
            "Found in caches, %",
            hit_rate("answer", functions.asked),
            hit_rate("embedding", (ingest, functions.maintenance)),
        ),
        graph(
            "Breakers that were open",
            *(
                made_of(
                    "MAX($open)",
                    open=[ours("BreakerOpen", one, "Maximum", dependency=name) for one in working],
                    label=name,
                )
                for name in DEPENDENCIES
            ),
        ),
    ]


def _limits(api: Api, functions: Functions) -> list[cloudwatch.IWidget]:
    every = functions.serving
    return [
        graph(
            "Executions at once",
            cloudwatch.Metric(
                namespace="AWS/Lambda",
                metric_name="ConcurrentExecutions",
                statistic="Maximum",
                label="all of the account",
            ),
            *(
                one.function.metric("ConcurrentExecutions", statistic="Maximum", label=one.name)
                for one in every
            ),
        ),
        graph(
            "Throttled, and refused by the API (4xx)",
            *(one.function.metric_throttles(label=one.name) for one in every),
            api.http_api.metric_client_error(label="API: 4xx", statistic="Sum"),
        ),
        graph(
            "The longest run, % of its time-out",
            *(
                made_of(
                    f"100 * MAX($times) / {one.timeout.to_milliseconds()}",
                    times=[one.function.metric_duration(statistic="Maximum")],
                    label=one.name,
                )
                for one in every
            ),
        ),
        table("Memory", every, *_MEMORY),
    ]
