"""The functions: how they run, what feeds them, what is left of them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from deployed.handlers import HANDLERS, STREAM_HANDLER
from infra.config import STAGES, Jwt, StageConfig
from tests.infra.stages import ALL, ROOT
from tests.infra.template import Template, flat

# What a person waits for.
LIVE = {HANDLERS["chat"], HANDLERS["ingest-api"], HANDLERS["health"], STREAM_HANDLER}


@pytest.fixture(params=ALL, ids=lambda stage: stage.name)
def stage(request: pytest.FixtureRequest) -> StageConfig:
    found: StageConfig = request.param
    return found


@pytest.fixture
def template(stage: StageConfig, templates: Mapping[str, Template]) -> Template:
    return templates[stage.name]


def test_every_handler_is_deployed_on_arm_with_the_layer(template: Template) -> None:
    (layer,) = template.resources("AWS::Lambda::LayerVersion")
    functions = template.functions()
    assert set(functions) == {*HANDLERS.values(), STREAM_HANDLER}
    for _, function in functions.values():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert {"Ref": layer} in function["Layers"]
        assert "VpcConfig" not in function
        assert "FunctionName" not in function


def test_time_and_memory_are_the_stages(template: Template, stage: StageConfig) -> None:
    sizes = {
        HANDLERS["chat"]: stage.chat,
        STREAM_HANDLER: stage.chat_stream,
        HANDLERS["ingest-api"]: stage.ingest_api,
        HANDLERS["ingest"]: stage.ingest,
        HANDLERS["maintenance"]: stage.maintenance,
        HANDLERS["health"]: stage.health,
        HANDLERS["migrate"]: stage.migrate,
    }
    for handler, (_, function) in template.functions().items():
        size = sizes[handler]
        assert (function["MemorySize"], function["Timeout"]) == (size.memory, size.timeout)
        assert function.get("ReservedConcurrentExecutions") == size.reserved


def test_what_a_person_waits_for_has_a_live_alias_of_a_snapshot(
    template: Template, stage: StageConfig
) -> None:
    functions = template.functions()
    aliased = {
        alias["FunctionName"]["Ref"]
        for alias in template.properties("AWS::Lambda::Alias")
        if alias["Name"] == "live"
    }
    assert aliased == {functions[handler][0] for handler in LIVE}
    snapped = {h for h, (_, function) in functions.items() if "SnapStart" in function}
    assert snapped == (LIVE if stage.snap_start else set())


def test_who_rests_pays_for_no_snapshot_and_refuses_nobody_for_want_of_one() -> None:
    """A version that nobody invokes for two weeks loses its snapshot, and then its first caller."""
    assert {name for name, stage in STAGES.items() if stage.snap_start} == {"staging", "prod"}


def test_who_hands_over_to_itself_is_no_accident(dev: Template) -> None:
    allowed = {h for h, (_, f) in dev.functions().items() if f.get("RecursiveLoop") == "Allow"}
    assert allowed == {HANDLERS["ingest"], HANDLERS["maintenance"]}


def test_answers_stream_through_the_adapter(template: Template, stage: StageConfig) -> None:
    functions = template.functions()
    id, stream = functions[STREAM_HANDLER]
    assert stream["Code"] == functions[HANDLERS["chat"]][1]["Code"]
    (adapter,) = [flat(layer) for layer in stream["Layers"] if "LambdaAdapter" in flat(layer)]
    assert adapter.endswith(f":753240598075:layer:LambdaAdapterLayerArm64:{stage.adapter_layer}")
    assert stage.adapter_layer >= 30
    told = stream["Environment"]["Variables"]
    assert told["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap"
    assert told["AWS_LWA_INVOKE_MODE"] == "response_stream"
    # What `start.sh` listens on, and what is asked of it there.
    assert told["AWS_LWA_PORT"] == "8080"
    assert all(
        told[f"AWS_LWA_{name}_PATH"].startswith("/")
        for name in ("READINESS_CHECK", "SNAPSTART_BEFORE_CHECKPOINT", "SNAPSTART_AFTER_RESTORE")
    )
    url = template.one("AWS::Lambda::Url")
    assert url["InvokeMode"] == "RESPONSE_STREAM"
    assert url["Qualifier"] == "live"
    assert url["TargetFunctionArn"]["Fn::GetAtt"][0] == id
    # CORS is the app's, at both doors.
    assert "Cors" not in url


def test_queues_feed_the_workers(template: Template, stage: StageConfig) -> None:
    functions = template.functions()
    ingest, maintenance = (functions[HANDLERS[name]][0] for name in ("ingest", "maintenance"))

    def arn(output: str) -> str:
        return f"<{template.output(output)['Ref']}.Arn>"

    fed = {
        (flat(source["EventSourceArn"]), source["FunctionName"]["Ref"]): (
            source["ScalingConfig"]["MaximumConcurrency"],
            source["MaximumBatchingWindowInSeconds"],
        )
        for source in template.properties("AWS::Lambda::EventSourceMapping")
        if source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    }
    assert fed == {
        (arn("DocumentsQueueUrl"), ingest): (stage.documents_at_once, stage.batch_seconds),
        (arn("BulkQueueUrl"), ingest): (stage.bulk_at_once, stage.batch_seconds),
        (arn("MaintenanceQueueUrl"), maintenance): (stage.maintenance_at_once, 0),
    }


def test_it_is_said_how_many_executions_the_queues_may_take() -> None:
    """A new account has ten, and those who ask need some."""
    taken = {
        name: stage.documents_at_once + stage.bulk_at_once + stage.maintenance_at_once
        for name, stage in STAGES.items()
    }
    said = " ".join((ROOT / "docs/deploying.md").read_text().split())
    assert f"`prod`'s queues alone may take {taken['prod']} " in said
    assert taken["dev"] == taken["staging"]
    assert f"`dev`'s and `staging`'s take {taken['dev']}." in said


def test_logs_are_kept_a_while_and_go_with_the_stack(
    template: Template, stage: StageConfig
) -> None:
    logs = template.resources("AWS::Logs::LogGroup")
    for log in logs.values():
        assert log["Properties"]["RetentionInDays"] == stage.log_days
        assert log["DeletionPolicy"] == "Delete"
    # A function without a log of its own would leave behind one that is kept for ever.
    written = [f["LoggingConfig"] for f in template.properties("AWS::Lambda::Function")]
    named = [config["LogGroup"]["Ref"] for config in written]
    assert set(named) <= set(logs)
    assert len(set(named)) == len(named)


def test_the_sweep_comes_once_a_day_and_is_a_message_to_maintenance(dev: Template) -> None:
    schedule = dev.one("AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "cron(17 3 * * ? *)"
    target = schedule["Target"]
    assert target["Input"] == '{"recover":true}'
    assert flat(target["Arn"]) == f"<{dev.output('MaintenanceQueueUrl')['Ref']}.Arn>"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"adapter_layer": 27}, "layer 30"),
        ({"log_days": 14}, "one of"),
        ({"chat": STAGES["dev"].chat_stream}, "30 s"),
        (
            {
                "jwt": Jwt(issuer="https://id.example", audience="quire"),
                "settings": {"QUIRE_ISSUERS": "[]"},
            },
            "leave QUIRE_ISSUERS out",
        ),
    ],
)
def test_a_stage_that_could_not_work_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(STAGES["dev"], name="x", **wrong)  # type: ignore[arg-type]
