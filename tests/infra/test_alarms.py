"""Who is told of what: each alarm has its page, each page its alarm, and the topic lets them in."""

import re
from collections.abc import Mapping

import pytest

from functions.ingest.pausing import PAUSE_SECONDS
from infra.config import STAGES, Alarm, StageConfig
from tests.infra.looked_at import of_alarm
from tests.infra.runbook import pages
from tests.infra.stages import ALL, OPTIONS
from tests.infra.template import Template, flat, listed

ALARM = "AWS::CloudWatch::Alarm"
BUDGET = "AWS::Budgets::Budget"
stages = pytest.mark.parametrize("stage", ALL, ids=lambda stage: stage.name)


def test_every_alarm_has_its_page_and_every_page_its_alarm() -> None:
    assert sorted(pages("When an alarm rings")) == sorted(Alarm)


@stages
def test_a_stage_has_the_alarms_that_it_says(
    templates: Mapping[str, Template], stage: StageConfig
) -> None:
    template = templates[stage.name]
    linked = {one["AlarmDescription"] for one in template.properties(ALARM)}
    of_metrics = stage.alarms - {Alarm.MONTH}
    assert linked == {f"{stage.runbook}#{alarm}" for alarm in of_metrics}
    assert bool(template.properties(BUDGET)) == (Alarm.MONTH in stage.alarms)


def test_production_has_all_and_dev_a_few() -> None:
    assert STAGES["prod"].alarms == set(Alarm)
    assert Alarm.DEAD in STAGES["dev"].alarms
    assert len(STAGES["dev"].alarms) < 5


@stages
def test_they_are_told_to_the_topic_and_rest_while_nothing_is_measured(
    templates: Mapping[str, Template], stage: StageConfig
) -> None:
    template = templates[stage.name]
    (topic,) = template.resources("AWS::SNS::Topic")
    for alarm in template.properties(ALARM):
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert alarm["TreatMissingData"] == "notBreaching"
        # CloudWatch takes no more metrics for an alarm, and no search.
        assert 1 <= len(of_alarm(alarm)) <= 10
        expressions = [m["Expression"] for m in alarm.get("Metrics", []) if "Expression" in m]
        ids = {metric["Id"] for metric in alarm.get("Metrics", [])}
        for expression in expressions:
            assert set(re.findall(r"\b[a-z]\w*", expression)) <= ids
    assert template.output("AlarmTopicArn") == {"Ref": topic}


def test_work_that_waits_rings_whether_it_grows_old_or_is_sent_anew(
    templates: Mapping[str, Template],
) -> None:
    """What a switch holds up is a new message every five minutes: no age tells of it."""
    template = templates["prod"]
    ages = {
        flat(alarm["Dimensions"][0]["Value"]): alarm["AlarmDescription"].split("#")[1]
        for alarm in template.properties(ALARM)
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
    }
    queues = {
        f"<{template.output(f'{name}QueueUrl')['Ref']}.QueueName>": page
        for name, page in (
            ("Documents", Alarm.DOCUMENTS),
            ("Bulk", Alarm.DOCUMENTS),
            ("Maintenance", Alarm.JOBS),
        )
    }
    assert ages == queues
    (held,) = [a for a in template.properties(ALARM) if a["AlarmDescription"].endswith(Alarm.HELD)]
    assert {(one.name, one.of["service"]) for one in of_alarm(held)} == {
        ("MessagesHeld", "quire-prod-ingest"),
        ("MessagesHeld", "quire-prod-maintenance"),
    }
    (period,) = {m["MetricStat"]["Period"] for m in held["Metrics"] if "MetricStat" in m}
    # Each comes back once a period, and now and then a moment too late for one.
    assert period == PAUSE_SECONDS
    assert held["DatapointsToAlarm"] < held["EvaluationPeriods"]


def test_cloudwatch_and_budgets_of_this_account_may_publish_and_only_by_tls(dev: Template) -> None:
    statements = dev.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (denied,) = [one for one in statements if one["Effect"] == "Deny"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (allowed,) = [one for one in statements if one["Effect"] == "Allow"]
    assert set(listed(allowed["Principal"]["Service"])) == {
        "cloudwatch.amazonaws.com",
        "budgets.amazonaws.com",
    }
    assert allowed["Action"] == "sns:Publish"
    assert allowed["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }


@stages
def test_the_budget_comes_after_what_lets_it_publish(
    templates: Mapping[str, Template], stage: StageConfig
) -> None:
    (budget,) = templates[stage.name].resources(BUDGET).values()
    (policy,) = templates[stage.name].resources("AWS::SNS::TopicPolicy")
    assert policy in budget["DependsOn"]


def test_who_is_to_be_told_gets_mail(templates: Mapping[str, Template]) -> None:
    (told,) = templates["edge"].properties("AWS::SNS::Subscription")
    assert (told["Protocol"], told["Endpoint"]) == ("email", *OPTIONS[0].notify)
    assert not templates["dev"].properties("AWS::SNS::Subscription")


@stages
def test_a_day_and_a_month_have_the_stages_bounds(
    templates: Mapping[str, Template], stage: StageConfig
) -> None:
    template = templates[stage.name]
    (day,) = [a for a in template.properties(ALARM) if a["AlarmDescription"].endswith(Alarm.DAY)]
    assert day["Threshold"] == stage.dollars_a_day
    periods = {m["MetricStat"]["Period"] for m in day["Metrics"] if "MetricStat" in m}
    assert periods == {24 * 3600}
    budget = template.one(BUDGET)
    assert budget["Budget"]["BudgetLimit"] == {"Amount": stage.dollars_a_month, "Unit": "USD"}
    assert budget["Budget"]["TimeUnit"] == "MONTHLY"
    (topic,) = template.resources("AWS::SNS::Topic")
    for notification in budget["NotificationsWithSubscribers"]:
        (told,) = notification["Subscribers"]
        assert (told["SubscriptionType"], flat(told["Address"])) == ("SNS", f"<{topic}>")
