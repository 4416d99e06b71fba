"""The dashboard and the alarms look at what the code really emits, and at what AWS does."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deployed.handlers import HANDLERS, STREAM_HANDLER
from infra.measured import NAMESPACE
from quire import observability
from quire.metrics import Metric
from tests.infra.looked_at import LookedAt, of_alarms, of_dashboard, queries, widgets
from tests.infra.stages import ALL, ROOT
from tests.infra.template import Template

TABLE = {metric.title: metric for metric in Metric}
# What AWS's own are told apart by: the services' pages on CloudWatch have them.
AWS = {
    "AWS/ApiGateway": ({"Count", "4xx", "5xx"}, [{"ApiId"}]),
    "AWS/Lambda": (
        {"ConcurrentExecutions", "Duration", "Errors", "Throttles"},
        [{"FunctionName"}, set()],
    ),
    "AWS/SQS": (
        {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
        [{"QueueName"}],
    ),
}
CACHES = set(re.findall(r"`(\w+)`", Metric.CACHE_HITS.meaning))
# Whose code tells what: the layer is everybody's who serves.
CODE = {
    "functions/chat": {"chat", "chat-stream"},
    "functions/ingest": {"ingest", "maintenance"},
    "layers/common": {"chat", "chat-stream", "ingest-api", "ingest", "maintenance"},
}


def tellers() -> dict[str, set[str]]:
    """Functions by the metric that their code tells."""
    found: dict[str, set[str]] = {}
    for folder, functions in CODE.items():
        for name in re.findall(r"\bMetric\.([A-Z_]+)", "".join(sources(folder))):
            found.setdefault(Metric[name].title, set()).update(functions)
    return found


def sources(folder: str) -> Iterator[str]:
    return (path.read_text() for path in Path(ROOT, folder).rglob("*.py"))


def looked_at(template: Template) -> list[LookedAt]:
    return [*of_dashboard(template), *of_alarms(template)]


@pytest.fixture(params=[stage.name for stage in ALL])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def template(templates: Mapping[str, Template], stage: str) -> Template:
    return templates[stage]


def test_ours_are_emitted_by_that_function_under_these_dimensions(
    template: Template, stage: str
) -> None:
    assert NAMESPACE == observability.NAMESPACE
    told = tellers()
    ours = [one for one in looked_at(template) if not one.namespace.startswith("AWS/")]
    assert len(ours) > 50
    for one in ours:
        assert one.namespace == NAMESPACE
        dimension = TABLE[one.name].dimension
        assert set(one.of) == {"service", dimension} - {None}, one
        assert one.of["service"].removeprefix(f"quire-{stage}-") in told[one.name], one


def test_their_dimensions_have_the_values_that_are_told(template: Template) -> None:
    known = {
        "dependency": set(re.findall(r'Breaker\("(\w+)"', "".join(sources("layers/common")))),
        "cache": CACHES,
        # Whatever the stage's settings say: it is searched for.
        "model": {""},
    }
    seen: dict[str, set[str]] = {}
    for one in looked_at(template):
        for dimension in set(one.of) & set(known):
            seen.setdefault(dimension, set()).add(one.of[dimension])
    assert seen == known


def test_each_function_is_the_service_of_its_own_name(template: Template, stage: str) -> None:
    """Else two functions, or two stages of an account, would be added up."""
    names = {handler: name for name, handler in HANDLERS.items()} | {STREAM_HANDLER: "chat-stream"}
    for handler, (_, function) in template.functions().items():
        service = function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        assert service == f"quire-{stage}-{names[handler]}"


def test_what_is_not_ours_is_awss_own_and_of_this_stage(template: Template) -> None:
    resources = "|".join(
        id
        for type in ("Lambda::Function", "ApiGatewayV2::Api", "SQS::Queue")
        for id in template.resources(f"AWS::{type}")
    )
    for one in looked_at(template):
        if one.namespace == NAMESPACE:
            continue
        names, dimensions = AWS[one.namespace]
        assert one.name in names
        assert set(one.of) in dimensions
        for value in one.of.values():
            assert re.fullmatch(rf"<({resources})(\.QueueName)?>", value), one


def test_it_answers_five_questions(dev: Template) -> None:
    headings = [w["properties"]["markdown"] for w in widgets(dev) if w["type"] == "text"]
    assert [heading.split(": ")[1].split("?")[0] for heading in headings] == [
        "Are people served",
        "What does it cost today",
        "Is ingestion keeping up",
        "Are the dependencies well",
        "Are we near a limit",
    ]
    named = {one.name for one in of_dashboard(dev)}
    for asked in (
        {"RequestTime", "ServerErrors", "5xx", "TurnTime", "FirstTokenTime", "TurnsFailed"},
        {"Dollars", "PromptTokens", "CompletionTokens", "EmbeddingTokens"},
        {"ApproximateAgeOfOldestMessage", "DocumentsReady", "DocumentsFailed", "MessagesGivenUp"},
        {"AcquireTime", "PoolInUse", "SearchTime", "ModelTime", "CacheHits", "BreakerOpen"},
        {"ConcurrentExecutions", "Throttles", "Duration"},
    ):
        assert asked <= named
    assert [q for q in queries(dev) if "cost_usd" in q and "by tenant" in q]


def test_ids_in_a_graph_are_its_metrics_own(dev: Template) -> None:
    """And an expression names no other."""
    for widget in widgets(dev):
        options = [
            m[-1] for m in widget["properties"].get("metrics", []) if isinstance(m[-1], dict)
        ]
        ids = [one["id"] for one in options if "id" in one]
        assert len(set(ids)) == len(ids)
        for expression in (o["expression"] for o in options if "expression" in o):
            if "SEARCH" not in expression:
                assert set(re.findall(r"\b[a-z]\w*", expression)) <= set(ids)
