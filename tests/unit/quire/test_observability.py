"""What a line tells, and what it keeps to itself."""

import asyncio
import json
import logging
import re
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from local.deployment import ROOT
from quire import metrics
from quire.errors import Unavailable
from quire.metrics import Metric, measure, measuring
from quire.observability import bind, content, log, tell, tell_content
from quire.tracing import Trace, going_on
from tests.unit.conftest import Told

SAID = "the heron stands on one leg"


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        try:
            raise cause or KeyError("none")
        except Exception as first:
            raise error from first
    except Exception as caught:
        return caught


async def test_each_task_has_its_own_ids(told: Told) -> None:
    async def one(tenant: str) -> None:
        bind(tenant=tenant)
        await asyncio.sleep(0)
        log.info("one")
        await asyncio.create_task(inner())

    async def inner() -> None:
        logging.getLogger("quire.store").info("of its own")

    await asyncio.gather(one("a"), one("b"))
    assert [line["tenant"] for line in told()] == ["a", "b", "a", "b"]
    assert "tenant" not in log.thread_safe_get_current_keys()


def test_a_line_tells_its_trace(told: Told) -> None:
    with going_on(Trace(id="1-a-b")):
        log.info("within")
    log.info("without")
    within, without = told()
    assert within["trace_id"] == "1-a-b"
    assert "trace_id" not in without


@pytest.mark.parametrize(
    "error", [ValueError(SAID), KeyError(SAID), psycopg.errors.UniqueViolation(SAID)]
)
def test_what_an_error_says_may_be_content(told: Told, error: Exception) -> None:
    log.warning("gone wrong", exc_info=raised(error, ValueError(SAID)))
    (line,) = told()
    assert SAID not in json.dumps(line)
    assert (line["exception_name"], "in raised" in line["exception"]) == (
        type(error).__name__,
        True,
    )


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError("refused"), psycopg.OperationalError("refused")]
)
def test_what_a_connection_died_of_is_told(told: Told, error: Exception) -> None:
    log.warning("gone wrong", exc_info=raised(Unavailable("postgres"), error))
    (line,) = told()
    assert "refused" in line["exception"]
    assert line["exception"].index("refused") < line["exception"].index("Unavailable")


def test_codes_are_told(told: Told) -> None:
    denied: Any = {"Error": {"Code": "AccessDenied", "Message": SAID}}
    refused = raised(ClientError(denied, "GetObject"), psycopg.errors.UniqueViolation(SAID))
    log.warning("gone wrong", exc_info=refused)
    (line,) = told()
    assert SAID not in json.dumps(line)
    assert "UniqueViolation(sqlstate=23505)" in line["exception"]
    assert line["exception"].endswith("ClientError(operation_name=GetObject, code=AccessDenied)")


def test_content_is_told_when_it_is_asked_for(told: Told) -> None:
    log.info("nothing", **content(question=SAID))
    tell_content(True)
    try:
        log.warning("gone wrong", exc_info=raised(ValueError(SAID)), **content(question=SAID))
    finally:
        tell_content(False)
    nothing, all_of_it = told()
    assert SAID not in json.dumps(nothing)
    assert all_of_it["question"] == SAID
    assert SAID in all_of_it["exception"]


def test_a_line_holds_what_was_measured(told: Told) -> None:
    with measuring():
        measure(Metric.TURN_TIME, 12.5)
        measure(Metric.PROMPT_TOKENS, 7, "gpt")
        measure(Metric.CACHE_HITS, 1, "answer")
        measure(Metric.CACHE_HITS, 2, "embedding")
        tell("turn", model="gpt")
        tell("again")
    measure(Metric.TURN_TIME, 1)  # nobody keeps it
    turn, other, again = told()
    assert (turn["message"], turn["TurnTime"], turn["PromptTokens"]) == ("turn", [12.5], [7.0])
    assert (turn["cache"], turn["CacheHits"]) == ("answer", [1.0])
    assert (other["message"], other["cache"], other["CacheHits"]) == ("metrics", "embedding", [2.0])
    dimensions = [d["Dimensions"] for d in turn["_aws"]["CloudWatchMetrics"]]
    assert dimensions == [[["service"]], [["service", "model"]], [["service", "cache"]]]
    assert "_aws" not in again


async def test_two_at_once_are_measured_apart(told: Told) -> None:
    async def one(value: float) -> None:
        with measuring():
            await asyncio.gather(*(asyncio.to_thread(measure, Metric.READ_TIME, value),) * 1)
            await asyncio.sleep(0.01)
            tell("one")

    await asyncio.gather(one(1), one(2))
    assert sorted(line["ReadTime"] for line in told()) == [[1.0], [2.0]]


def test_no_value_is_lost_though_a_line_holds_a_hundred(told: Told) -> None:
    with measuring():
        for value in range(250):
            measure(Metric.ACQUIRE_TIME, value)
        tell("batch")
        measure(Metric.READ_TIME)
    assert [len(line["AcquireTime"]) for line in told()] == [100, 100, 50]
    assert [value for line in told() for value in line["AcquireTime"]] == list(range(250))


def test_the_handbook_has_every_metric_as_it_is() -> None:
    handbook = (ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|([^|]*)\|$", handbook, re.MULTILINE)
    table = [
        (
            metric.title,
            "Dollars" if metric.unit is metrics.Unit.DOLLARS else metric.unit.value,
            f"`{metric.dimension}`" if metric.dimension else "",
            metric.meaning,
        )
        for metric in Metric
    ]
    assert [(name, unit, of.strip(), what.strip()) for name, unit, of, what in rows] == table
