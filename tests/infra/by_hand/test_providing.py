"""`make secrets`: what it makes, changes, and leaves."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import pytest

from infra.config import STAGES
from infra.destroy import destroy
from infra.provide import provide
from quire.kept import MigrationSecret, RuntimeSecret
from tests.infra.by_hand.running import OWNER, POOLED, at, destroying, kept, run

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


def test_secrets_are_made_as_the_functions_read_them(vault: "SecretsManagerClient") -> None:
    result = run(provide, "dev")
    assert result.exit_code == 0, result.output
    runtime = RuntimeSecret.model_validate(kept(vault, "runtime"))
    app = urlsplit(runtime.database_url.get_secret_value())
    assert (app.username, app.hostname, app.query) == (
        "quire_app",
        "ep-x-pooler.example",
        "sslmode=require",
    )
    assert app.password
    assert app.password != "owners-password"
    assert runtime.edge_key is not None
    migration = MigrationSecret.model_validate(kept(vault, "migration"))
    assert migration.database_url.get_secret_value() == OWNER
    assert migration.first_tenant == STAGES["dev"].tenant
    assert kept(vault, "switches") == kept(vault, "first-key") == {}


@pytest.mark.parametrize("named", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_is_the_one_that_cdk_deploys_to(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv(named, "eu-central-1")
    assert run(provide, "dev").exit_code == 0
    there = boto3.client("secretsmanager", region_name="eu-central-1")
    assert len(there.list_secrets()["SecretList"]) == 4
    assert run(provide, "dev", "--delete").exit_code == 0
    assert vault.list_secrets()["SecretList"] == there.list_secrets()["SecretList"] == []


def test_without_a_region_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    for ended in (at("true"), destroying("dev", "true")):
        assert (ended.returncode, ended.stderr) == (
            1,
            "No region is named; `export AWS_REGION=…` does it.\n",
        )


def test_nothing_secret_is_told(vault: "SecretsManagerClient") -> None:
    printed = run(provide, "dev").output + run(provide, "dev", "--replace").output
    secret = [value for name in ("runtime", "migration") for value in kept(vault, name).values()]
    for value in {*secret, "owners-password"} - {STAGES["dev"].tenant}:
        assert value not in printed


def test_again_it_changes_nothing_unless_it_is_to(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    run(provide, "dev")
    before = kept(vault, "runtime")
    vault.put_secret_value(SecretId="quire/dev/switches", SecretString='{"hyde": false}')
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    assert "runtime: as it was" in run(provide, "dev").output
    assert kept(vault, "runtime") == before
    assert "runtime: set (openai_api_key)" in run(provide, "dev", "--replace").output
    assert kept(vault, "runtime") == {**before, "openai_api_key": "sk-another"}
    assert kept(vault, "switches") == {"hyde": False}


def test_the_apps_password_changes_only_when_it_is_told_to(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    def app() -> tuple[str | None, ...]:
        found = urlsplit(kept(vault, "runtime")["database_url"])
        return found.username, found.hostname, found.path, found.query, found.password

    run(provide, "dev")
    *place, first = app()
    assert "runtime: set (database_url)" in run(provide, "dev", "--new-password").output
    *same, second = app()
    assert same == place
    assert second != first
    # The variables are still there, in the owner's name.
    monkeypatch.setenv("DATABASE_URL", POOLED.replace("require", "verify-full"))
    run(provide, "dev", "--replace")
    assert app() == ("quire_app", "ep-x-pooler.example", "/quire", "sslmode=verify-full", second)
    for elsewhere in (POOLED.replace("ep-x", "ep-y"), POOLED.replace("/quire?", "/other?")):
        monkeypatch.setenv("DATABASE_URL", elsewhere)
        run(provide, "dev", "--replace")
        assert app()[-1] not in (first, second)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_API_KEY", ""),
        ("DATABASE_URL", "mysql://me:hidden@x/y"),
        ("DATABASE_URL", "http://["),
    ],
)
def test_what_is_missing_or_unfit_is_named_and_nothing_made(
    vault: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = run(provide, "dev")
    assert result.exit_code == 1
    assert "Nothing was changed" in result.output
    assert "hidden" not in result.output
    assert vault.list_secrets()["SecretList"] == []


def test_an_edge_key_ends_only_when_it_is_told_to(vault: "SecretsManagerClient") -> None:
    run(provide, "dev")
    before = kept(vault, "runtime")
    told = run(provide, "dev", "--edge-key", "rotate").output
    assert "runtime: set (edge_key, former_edge_key)" in told
    rotated = kept(vault, "runtime")
    assert rotated == {
        **before,
        "edge_key": rotated["edge_key"],
        "former_edge_key": before["edge_key"],
    }
    assert rotated["edge_key"] != before["edge_key"]
    # CloudFront may show any of the two.
    again = run(provide, "dev", "--edge-key", "rotate")
    assert "Nothing was changed" in again.output
    assert kept(vault, "runtime") == rotated
    assert "runtime: set (former_edge_key)" in run(provide, "dev", "--edge-key", "end").output
    assert kept(vault, "runtime") == {**before, "edge_key": rotated["edge_key"]}


def test_deleted_they_can_be_made_anew_at_once(vault: "SecretsManagerClient") -> None:
    run(provide, "dev")
    assert run(provide, "dev", "--delete").exit_code == 0
    assert vault.list_secrets()["SecretList"] == []
    assert run(provide, "dev").exit_code == 0


def test_an_unknown_stage_is_refused() -> None:
    for command in ([provide], [destroy, "true"]):
        result = run(command[0], "somewhere", *command[1:])
        assert result.exit_code == 2
        assert "dev, staging, prod" in result.output
