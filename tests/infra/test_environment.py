"""What settings ask for, and what the stack gives: neither more nor less, and no secret."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from deployed.handlers import HANDLERS, STREAM_HANDLER
from quire.settings import MigrationSettings, Settings
from tests.infra.stages import ALL, OPTIONS
from tests.infra.template import Template, flat

STAGES = pytest.mark.parametrize("stage", [stage.name for stage in ALL])


def variables(template: Template) -> dict[str, dict[str, Any]]:
    return {
        handler: function["Environment"]["Variables"]
        for handler, (_, function) in template.functions().items()
    }


def asked_for(settings: type[BaseSettings]) -> tuple[set[str], set[str]]:
    """All variables, and those without which it does not start."""
    names = {f"QUIRE_{name.upper()}": field for name, field in settings.model_fields.items()}
    return set(names), {name for name, field in names.items() if field.is_required()}


@STAGES
def test_settings_get_what_they_ask_for(templates: Mapping[str, Template], stage: str) -> None:
    for handler, given in variables(templates[stage]).items():
        settings = MigrationSettings if handler == HANDLERS["migrate"] else Settings
        known, needed = asked_for(settings)
        ours = {name for name in given if name.startswith("QUIRE_")}
        assert needed <= ours
        # `settings` of a stage are told to all; what is only Settings' own does no harm.
        assert ours <= known | asked_for(Settings)[0]


@STAGES
def test_settings_understand_what_they_are_given(
    templates: Mapping[str, Template], stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (configured,) = [one for one in ALL if one.name == stage]
    for name, value in variables(templates[stage])[STREAM_HANDLER].items():
        monkeypatch.setenv(name, flat(value))
    settings = Settings()
    assert settings.origins == list(configured.origins)
    assert settings.watch_seconds > configured.ingest.timeout
    assert settings.operator_tenant == configured.tenant
    assert settings.edge_only == configured.edge
    assert settings.event_bus == configured.event_bus
    # Whom the gateway lets through, the app knows, at both doors.
    assert [(one.issuer, one.audience, one.tenant) for one in settings.issuers] == (
        [(configured.jwt.issuer, configured.jwt.audience, configured.tenant)]
        if configured.jwt
        else []
    )
    # A turn gives up cleanly before its function is stopped.
    assert settings.turn_seconds < configured.chat.timeout
    assert settings.stream_seconds < configured.chat_stream.timeout


def test_a_stages_own_settings_reach_every_function(templates: Mapping[str, Template]) -> None:
    for given in variables(templates["edge"]).values():
        assert given.items() >= dict(OPTIONS[0].settings).items()


@STAGES
def test_secrets_are_named_and_never_told(templates: Mapping[str, Template], stage: str) -> None:
    template = templates[stage]
    for handler, given in variables(template).items():
        assert given["QUIRE_RUNTIME_SECRET"] == f"quire/{stage}/runtime"
        migrates = handler == HANDLERS["migrate"]
        assert ("QUIRE_MIGRATION_SECRET" in given) == migrates
        assert ("QUIRE_FIRST_KEY_SECRET" in given) == migrates
        assert not any(re.search("KEY$|PASSWORD|TOKEN$|DSN", name) for name in given)
    # The stack makes no secret: none is in the template, and none goes with it.
    assert "AWS::SecretsManager::Secret" not in template.types()


def test_only_streaming_has_the_adapters_variables(dev: Template) -> None:
    for handler, given in variables(dev).items():
        adapted = any(name.startswith("AWS_LWA") for name in given)
        assert adapted == (handler == STREAM_HANDLER)
        assert ("PYTHONPATH" in given) == adapted


def test_names_are_of_the_stage_or_cloudformations(templates: Mapping[str, Template]) -> None:
    """A name that two stacks would give, or one before and after, stands in its own way."""
    for stage, template in templates.items():
        assert template.one("AWS::ApiGatewayV2::Api")["Name"] == f"quire-{stage}"
        for type, named in (
            ("AWS::Lambda::Function", "FunctionName"),
            ("AWS::S3::Bucket", "BucketName"),
            ("AWS::SQS::Queue", "QueueName"),
            ("AWS::IAM::Role", "RoleName"),
            ("AWS::Scheduler::Schedule", "Name"),
        ):
            assert not any(named in resource for resource in template.properties(type))
        names = [log.get("LogGroupName") for log in template.properties("AWS::Logs::LogGroup")]
        # The gateway's own: what it may write to is bounded by beginnings of names.
        (gateways,) = filter(None, names)
        of_this_stack = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
        assert gateways["Fn::Join"][1] == [f"/aws/vendedlogs/quire-{stage}-", of_this_stack]


def test_the_flags_are_those_of_the_command(dev: Template) -> None:
    flags = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]
    assert all(flags.values())
    assert "AWS::CDK::Metadata" not in dev.types()
