"""docs/cost.md says what `python -m benchmarks.cost` computes, and that is computed as it says."""

import re
from pathlib import Path

import pytest

from benchmarks.cost import prices
from benchmarks.cost.__main__ import WORKLOADS, table
from benchmarks.cost.model import Workload, idle_polls, lines
from infra.config import STAGES
from quire.metrics import Metric

DOCUMENT = Path(__file__).parents[2] / "docs/cost.md"
IDLE = WORKLOADS[0]


def test_the_table_is_the_computed_one() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8")


def test_at_rest_only_what_is_named_costs_anything() -> None:
    assert {name for name, dollars in lines(IDLE).items() if dollars} == {
        "Storage: S3",
        "Secrets Manager",
        "SnapStart: cached versions",
        "SQS: polls of empty queues",
        "CloudWatch: alarms, dashboard",
    }


def test_empty_queues_are_asked_two_million_times_a_month() -> None:
    assert idle_polls() == 3 * 5 * (60 / 20) * 60 * 730 == 1_971_000
    assert lines(IDLE)["SQS: polls of empty queues"] == pytest.approx(0.7884)


def test_snapshots_are_of_the_functions_that_people_wait_for() -> None:
    stage = STAGES["prod"]
    live = (stage.chat, stage.chat_stream, stage.ingest_api, stage.health)
    assert sum(size.memory for size in live) == 3_584
    cached = 3.5 * 730 * 3_600 * 0.0000015046
    assert lines(IDLE)["SnapStart: cached versions"] == pytest.approx(cached)


def test_a_turn_as_counted_by_hand() -> None:
    found = lines(Workload(name="", turns=1_000_000, documents=1))
    # 2,520 tokens in, 285 out, 40 embedded.
    tokens = 2_520 * 0.10 + 285 * 0.50 + 40 * 0.02
    assert found["Models: questions"] == pytest.approx(tokens)
    # 2.6 s, and 20 ms at 1,024 of 1,769 MB; 50 ms beside; two requests.
    seconds = 2.6 + 0.020 * 1_769 / 1_024 + 0.05
    assert found["Lambda"] == pytest.approx(1e6 * seconds * 0.0000133334 + 0.40)
    assert found["API Gateway"] == pytest.approx(1.5)


def test_a_document_as_counted_by_hand() -> None:
    none, some = (
        lines(Workload(name="", turns=0, documents=1_000, read=read)) for read in (0, 1_000)
    )
    chunks = 59.155
    embedded = some["Models: documents"] - none["Models: documents"]
    assert embedded == pytest.approx(1_000 * chunks * 240 * 0.02 / 1e6)
    worker = 2 * (2.0 + chunks * 41 / 11_831) * 0.0000133334 + 0.20 / 1e6
    assert some["Lambda"] - none["Lambda"] == pytest.approx(1_000 * worker)


@pytest.mark.parametrize(("documents", "gigabytes"), [(1, 1), (7_000, 1), (8_000, 2), (20_000, 4)])
def test_an_index_has_the_memory_that_its_vectors_take(documents: int, gigabytes: int) -> None:
    found = lines(Workload(name="", turns=0, documents=documents))
    assert found["Qdrant (price not verified)"] == gigabytes * prices.QDRANT_GB_RAM_MONTH


def test_nobody_is_awake_for_longer_than_there_are_hours() -> None:
    few, many = (Workload(name="", turns=turns, documents=1) for turns in (1_000, 10_000_000))
    assert few.active_hours == pytest.approx(1_000 / 3 / 6)
    assert few.sandboxes == 1
    assert many.active_hours == 730
    assert many.sandboxes == pytest.approx(1e7 * 2.63455 / 730 / 3_600, rel=1e-4)


def test_availability_is_measured_by_what_there_is() -> None:
    _, _, said = DOCUMENT.read_text(encoding="utf-8").partition("## Availability")
    theirs = {"Count", "Url5xxCount", "UrlRequestCount"}
    named = set(re.findall(r"`([A-Z][A-Za-z0-9]+)`", said)) - theirs
    assert named == {"TurnsDegraded", "TurnsFailed", "ServerErrors", "RequestTime", "BreakerOpen"}
    assert named <= {metric.title for metric in Metric}
