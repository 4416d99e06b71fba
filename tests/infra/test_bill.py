"""What docs/cost.md bills for looking at a stage is what its template has."""

from collections.abc import Mapping

from benchmarks.cost import assumed, prices
from benchmarks.cost.__main__ import WORKLOADS
from benchmarks.cost.model import lines
from quire.metrics import Metric
from tests.infra.looked_at import of_alarms
from tests.infra.stages import ROOT
from tests.infra.template import Template
from tests.infra.test_dashboard import CACHES, tellers

TEXT = " ".join((ROOT / "docs/cost.md").read_text().split())
# Values of a dimension. Of models it is the one that answers, which rewrites and makes up as well.
VALUES = {None: 1, "model": 1, "cache": len(CACHES), "dependency": 3}


def alarm_metrics(template: Template) -> int:
    """An alarm over a sum of five is billed as five."""
    return len(list(of_alarms(template)))


def test_alarms_are_billed_by_their_metrics_and_dashboards_by_the_page(
    templates: Mapping[str, Template],
) -> None:
    prod = templates["prod"]
    assert alarm_metrics(prod) == assumed.ALARM_METRICS
    assert len(prod.properties("AWS::CloudWatch::Dashboard")) == assumed.DASHBOARDS


def test_metrics_are_billed_by_name_function_and_value() -> None:
    told = tellers()
    counted = sum(len(told.get(m.title, ())) * VALUES[m.dimension] for m in Metric)
    assert counted == assumed.METRICS
    assert f"{counted} at most" in TEXT


def test_what_is_said_of_a_stage_at_rest_is_what_was_counted(
    templates: Mapping[str, Template],
) -> None:
    idle = lines(WORKLOADS[0])
    looking = idle["CloudWatch: alarms, dashboard"]
    missed = looking + idle["SQS: polls of empty queues"]
    alarms = len(templates["prod"].properties("AWS::CloudWatch::Alarm"))
    dev = alarm_metrics(templates["dev"])
    resting = (
        sum(idle.values())
        - idle["SnapStart: cached versions"]
        - (assumed.ALARM_METRICS - dev) * prices.ALARM_METRIC_MONTH
    )
    for said in (
        f"alarms and a dashboard, ${looking:.2f}",
        f"{alarms} alarms over {assumed.ALARM_METRICS} metrics",
        f"SQS's polls and the alarms: ${missed:.2f}",
        f"`dev` with {dev} metrics in its alarms and no snapshots: ${resting:.2f}",
    ):
        assert said in TEXT, said
