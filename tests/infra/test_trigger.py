"""The deploy-time trigger: run whenever a migration changed, before whoever needs it."""

from pathlib import Path
from typing import Any

import pytest

from deployed.handlers import HANDLERS
from infra.config import STAGES
from tests.infra.stages import stand_in, synthesize
from tests.infra.template import Template


def test_what_serves_waits_for_the_migration(dev: Template) -> None:
    (run,) = dev.resources("Custom::Migration")
    for handler, (id, _) in dev.functions().items():
        depends = dev.resources("AWS::Lambda::Function")[id].get("DependsOn", [])
        assert (run in depends) == (handler != HANDLERS["migrate"])


def test_a_migration_that_fails_fails_the_deploy(dev: Template) -> None:
    """CloudFormation calls CDK's provider, which calls `migrate` and reports how that ended."""
    (run,) = dev.properties("Custom::Migration")
    provider = dev.resources("AWS::Lambda::Function")[run["ServiceToken"]["Fn::GetAtt"][0]]
    told = provider["Properties"]["Environment"]["Variables"]
    migrate, _ = dev.functions()[HANDLERS["migrate"]]
    assert told == {"USER_ON_EVENT_FUNCTION_ARN": {"Fn::GetAtt": [migrate, "Arn"]}}


def test_it_runs_when_only_a_migration_changed(dev: Template, tmp_path: Path) -> None:
    """CloudFormation compares its properties, and runs it when they changed."""

    def properties(build: Path) -> dict[str, Any]:
        out = build.with_suffix(".out")
        synthesize(out, (STAGES["dev"],), build=build)
        return Template(out / "quire-dev.template.json").one("Custom::Migration")

    another = stand_in(tmp_path / "chat")
    (another / "functions/chat/code.py").write_text("changed = True\n")
    assert properties(another) == dev.one("Custom::Migration")
    migration = stand_in(tmp_path / "migrate")
    (migration / "functions/migrate/0009_more.sql").write_text("select 1;\n")
    assert properties(migration) != dev.one("Custom::Migration")


def test_without_bundles_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make layer"):
        synthesize(tmp_path / "out", (STAGES["dev"],), build=tmp_path)
