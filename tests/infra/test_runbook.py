"""Every command, output, switch, metric and line that the runbook and its page on backups name is
there.
"""

import re
from typing import Any

import typer.main

from cli.main import app
from quire.domain import DocumentStatus
from quire.metrics import Metric
from quire.switches import Switches
from tests.infra.looked_at import queries
from tests.infra.runbook import TEXT, code, pages
from tests.infra.stages import ROOT
from tests.infra.template import Template

COMMAND = re.compile(r"(?:^|\$\(|; )(quire|make) ([^;|#)]+)")
SAID = re.compile(r'"([^"]+)"')


def commands(program: str) -> list[list[str]]:
    return [
        words.split() for line in code() for name, words in COMMAND.findall(line) if name == program
    ]


def test_every_command_of_quire_is_one() -> None:
    found = commands("quire")
    assert len(found) > 15
    for words in found:
        command: Any = typer.main.get_command(app)
        while words and words[0] in (within := getattr(command, "commands", {})):
            command = within[words.pop(0)]
        assert command.name != "quire", words
        assert not hasattr(command, "commands") or command.invoke_without_command, words
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options


def test_every_status_is_one() -> None:
    named = re.findall(r"--status (\w+)", TEXT)
    assert named
    assert set(named) <= set(DocumentStatus)


def test_every_switch_is_one() -> None:
    objects = " ".join(re.findall(r"`(\{[^`]*\})`", TEXT))
    # That one is a setting of a stage.
    named = set(re.findall(r'"(\w+)":', objects)) - {"ROTATED"}
    assert named
    assert named <= set(Switches.model_fields)


def test_every_target_of_make_is_one() -> None:
    makefile = (ROOT / "Makefile").read_text()
    found = commands("make")
    assert found
    for target, *_ in found:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_output_is_the_stacks(dev: Template) -> None:
    named = {*re.findall(r"\$\(output (\w+)\)", TEXT), "AlarmTopicArn", "DashboardUrl"}
    assert len(named) > 5
    for name in named:
        assert dev.output(name)


WRITTEN = "\n".join(
    path.read_text()
    for folder in ("functions", "layers/common")
    for path in (ROOT / folder).rglob("*.py")
)


def test_every_line_that_a_query_asks_for_is_written(dev: Template) -> None:
    asked = [line for line in [*TEXT.splitlines(), *queries(dev)] if "filter message" in line]
    assert len(asked) > 8
    for line in asked:
        condition = line.split("filter message")[1].split("|")[0].split(" and ")[0]
        for message in SAID.findall(condition):
            assert f'"{message}"' in WRITTEN, message


def test_every_field_that_a_query_adds_up_is_told(dev: Template) -> None:
    asked = [line for line in [*TEXT.splitlines(), *queries(dev)] if "filter message" in line]
    named = {
        field
        for line in asked
        for added, by in re.findall(r"(?:sum|count_distinct)\((\w+)|\bby ([\w, ]+)", line)
        for field in re.findall(r"\w+", added or by)
    }
    assert {"cost_usd", "tenant", "outcome"} <= named
    for field in named - {"message", "service", "exception_name"}:
        assert re.search(rf'\b{field}=|"{field}"', WRITTEN), field


def test_every_metric_is_one() -> None:
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", TEXT))
    outputs = {"AlarmTopicArn", "DashboardUrl"}
    assert named - outputs <= {metric.title for metric in Metric}


def test_what_is_done_by_hand_is_there() -> None:
    assert pages("By hand") == [
        "rotate-a-secret",
        "roll-back",
        "restore",
        "rebuild-the-index",
        "redrive",
        "a-tenant-must-be-erased",
    ]
