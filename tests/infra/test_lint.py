"""What AWS's own linter says of all templates, and cdk-nag of a rule that is broken."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from cfnlint import api
from cfnlint.config import ManualArgs

from tests.infra.stages import ALL
from tests.infra.template import Template

# W3005: CDK writes down dependencies that a reference implies anyway.
LINT = ManualArgs(ignore_checks=["W3005"], regions=["us-east-1"])


@pytest.mark.parametrize("stage", [stage.name for stage in ALL])
def test_cfn_lint_finds_nothing(templates: Mapping[str, Template], stage: str) -> None:
    found = api.lint(templates[stage].text, config=LINT)
    assert [str(match) for match in found] == []


def test_a_broken_rule_fails_the_synthesis(tmp_path: Path) -> None:
    from aws_cdk import App, Stack
    from aws_cdk import aws_s3 as s3

    from infra import nag

    app = App(outdir=str(tmp_path))
    bucket = s3.Bucket(Stack(app, "open"), "Open")
    nag.acknowledge(bucket, "AwsSolutions-S1", reason="Only S10, no TLS, is left.")
    nag.check(app)
    with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
        app.synth()
