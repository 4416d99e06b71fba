"""Who is told of what, and from when on. What each means, and what to do, docs/runbook.md says."""

from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.api import Api
from infra.config import Alarm, StageConfig
from infra.documents import Documents
from infra.functions import Functions
from infra.measured import DAY, DEPENDENCIES, Seen, each, made_of, ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Alarm when `metric` was `above` that in `bad` of the last `of` periods."""

    metric: cloudwatch.IMetric
    above: float
    bad: int = 1
    of: int = 1
    about: str = ""


class Alarms(Construct):
    """`topic` hears of all of them, when they begin and when they end."""

    def __init__(self, scope: Construct, id: str, *, stage: StageConfig, seen: Seen) -> None:
        super().__init__(scope, id)
        self.topic = self._topic(stage)
        tell = actions.SnsAction(self.topic)
        watches = {
            **_people(seen.api, seen.functions),
            **_documents(seen.documents, seen.functions),
            **_dependencies(seen.functions),
            **_limits(stage, seen.functions),
        }
        for name in sorted(stage.alarms & watches.keys()):
            for watch in watches[name]:
                alarm = cloudwatch.Alarm(
                    self,
                    "-".join(filter(None, (name, watch.about))),
                    alarm_description=f"{stage.runbook}#{name}",
                    metric=watch.metric,
                    threshold=watch.above,
                    comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                    evaluation_periods=watch.of,
                    datapoints_to_alarm=watch.bad,
                    # At rest nothing is measured, and that is well.
                    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                )
                alarm.add_alarm_action(tell)
                alarm.add_ok_action(tell)

    def _topic(self, stage: StageConfig) -> sns.Topic:
        topic = sns.Topic(self, "Topic", display_name=f"quire-{stage.name}", enforce_ssl=True)
        # A topic with a policy of its own has no longer the one that lets its account in.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[
                    iam.ServicePrincipal(f"{service}.amazonaws.com")
                    for service in ("cloudwatch", "budgets")
                ],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        for address in stage.notify:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        return topic


Watches = dict[Alarm, list[Watch]]


def _people(api: Api, functions: Functions) -> Watches:
    """Shares in percent, and of more than two, so that one failure at night wakes nobody."""
    http, stream = api.http_api, functions.chat_stream
    asked = functions.asked
    return {
        Alarm.ERRORS: [
            Watch(
                metric=made_of(
                    "IF(SUM($errors) > 2, 100 * SUM($errors) / SUM($requests), 0)",
                    errors=[http.metric_server_error(), ours("ServerErrors", stream)],
                    requests=[http.metric_count(), ours("RequestTime", stream, "SampleCount")],
                ),
                above=1,
            )
        ],
        Alarm.TURNS: [
            Watch(
                metric=made_of(
                    "IF(SUM($failed) > 2, 100 * SUM($failed) / SUM($turns), 0)",
                    failed=each("TurnsFailed", asked),
                    turns=each("TurnTime", asked, "SampleCount"),
                ),
                above=5,
            )
        ],
        Alarm.FIRST_WORDS: [
            Watch(
                metric=made_of("MAX($times)", times=each("FirstTokenTime", asked, "p95")),
                above=8_000,
                bad=3,
                of=3,
            )
        ],
        Alarm.CITATIONS: [
            Watch(
                metric=made_of(
                    "IF(SUM($made_up) > 5,"
                    " 100 * SUM($made_up) / (SUM($made_up) + SUM($proven)), 0)",
                    made_up=each("CitationsUnverified", asked),
                    proven=each("CitationsVerified", asked),
                ),
                above=20,
                bad=2,
                of=3,
            )
        ],
    }


def _documents(documents: Documents, functions: Functions) -> Watches:
    """Ages in seconds. Many files at once may wait for long in `bulk`; after twice that time their
    deadlines take them for lost. A watch of `maintenance` waits up to a quarter of an hour on
    purpose. What a switch holds up is sent anew every five minutes, so no age tells of it.
    """
    return {
        Alarm.DOCUMENTS: [
            Watch(
                metric=documents.documents.metric_approximate_age_of_oldest_message(),
                above=1_800,
            ),
            Watch(
                metric=documents.bulk.metric_approximate_age_of_oldest_message(),
                above=10_800,
                about="bulk",
            ),
        ],
        Alarm.JOBS: [
            Watch(
                metric=documents.maintenance.metric_approximate_age_of_oldest_message(),
                above=3_600,
            )
        ],
        Alarm.HELD: [
            Watch(
                metric=made_of(
                    "SUM($held)",
                    held=each("MessagesHeld", (functions.ingest, functions.maintenance)),
                ),
                above=0,
                bad=5,
                of=6,
            )
        ],
        Alarm.DEAD: [
            Watch(
                metric=documents.dead.metric_approximate_number_of_messages_visible(
                    statistic="Maximum"
                ),
                above=0,
            )
        ],
    }


def _dependencies(functions: Functions) -> Watches:
    working = functions.working
    return {
        # Open for a moment it has done its work: open for minutes is an outage.
        Alarm.DEPENDENCY: [
            Watch(
                metric=made_of(
                    "MAX($open)",
                    open=[ours("BreakerOpen", one, "Maximum", dependency=name) for one in working],
                ),
                above=0,
                bad=2,
                of=3,
                about=name,
            )
            for name in DEPENDENCIES
        ],
        Alarm.CONNECTIONS: [
            Watch(
                metric=made_of("MAX($times)", times=each("AcquireTime", working, "p95")),
                above=1_000,
                bad=3,
                of=3,
            )
        ],
        Alarm.STATEMENTS: [
            Watch(
                metric=made_of("SUM($slow)", slow=each("SlowStatements", working)),
                above=0,
                bad=2,
                of=3,
            )
        ],
    }


def _limits(stage: StageConfig, functions: Functions) -> Watches:
    every = [one.function for one in (*functions.serving, functions.migrate)]
    spending = (*functions.asked, functions.ingest, functions.maintenance)
    return {
        Alarm.CRASHES: [
            Watch(
                metric=made_of("SUM($errors)", errors=[one.metric_errors() for one in every]),
                above=0,
                bad=2,
                of=3,
            )
        ],
        Alarm.THROTTLES: [
            Watch(
                metric=made_of("SUM($late)", late=[one.metric_throttles() for one in every]),
                above=0,
                bad=2,
                of=3,
            )
        ],
        Alarm.DAY: [
            Watch(
                metric=made_of("SUM($dollars)", dollars=each("Dollars", spending), period=DAY),
                above=stage.dollars_a_day,
            )
        ],
    }
