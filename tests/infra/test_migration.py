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


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> "Bundled":
    return Bundled(tmp_path_factory.mktemp("bundled"))


class Bundled:
    def __init__(self, folder: Path) -> None:
        self.build = stand_in(folder / "build")
        self._folder = folder
        self._count = 0

    def properties(self) -> dict[str, Any]:
        """What CloudFormation compares: it runs what has changed."""
        self._count += 1
        out = self._folder / str(self._count)
        synthesize(out, (STAGES["dev"],), build=self.build)
        return Template(out / "quire-dev.template.json").one("Custom::Migration")


def test_it_runs_when_only_a_migration_changed(bundled: Bundled) -> None:
    before = bundled.properties()
    (bundled.build / "functions/chat/code.py").write_text("changed = True\n")
    assert bundled.properties() == before
    (bundled.build / "functions/migrate/0009_more.sql").write_text("select 1;\n")
    assert bundled.properties() != before


def test_without_bundles_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make layer"):
        synthesize(tmp_path / "out", (STAGES["dev"],), build=tmp_path)
