"""`make secrets STAGE=dev`: what a stage keeps secret, asked for once and never shown.

CloudFormation is not to know any of it, so this comes before the first deploy, and stays after the
last one until `--delete`.
"""

import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from botocore.exceptions import BotoCoreError, ClientError

from infra.account import session
from infra.config import STAGES
from infra.names import (
    EDGE_KEY,
    FIRST_KEY,
    FORMER_EDGE_KEY,
    MIGRATION,
    RUNTIME,
    SWITCHES,
    secret_name,
)

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

Secret = dict[str, str]

APP_ROLE = "quire_app"


class EdgeKey(StrEnum):
    """`rotate`: make another one, and keep the former. `end`: have the former one end."""

    ROTATE = "rotate"
    END = "end"


class Unfit(Exception):
    """What was given cannot be meant; the message says why, and never tells it."""


def _postgres(url: str, _: str | None = None) -> str:
    found = urlsplit(url)
    if found.scheme not in ("postgresql", "postgres") or not found.hostname:
        raise Unfit("a database is given as postgresql://user:password@host/name")
    return url


def _as_app(url: str, former: str | None) -> str:
    """The same database as `quire_app`, whom migrations make with the password that is chosen here:
    a role made in a console could pass row-level security. In one database it stays what it is.
    """
    found, known = urlsplit(_postgres(url)), urlsplit(former or "")
    if found.username == APP_ROLE and found.password:
        return url
    host = found.netloc.rpartition("@")[2]
    if (host, found.path) == (known.netloc.rpartition("@")[2], known.path):
        return found._replace(netloc=known.netloc).geturl()
    return _with_another_password(url)


def _with_another_password(url: str) -> str:
    found = urlsplit(url)
    host = found.netloc.rpartition("@")[2]
    return found._replace(netloc=f"{APP_ROLE}:{secrets.token_urlsafe(32)}@{host}").geturl()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a secret, and the variable that may have it."""

    secret: str
    name: str
    variable: str
    what: str
    needed: bool = True
    # What was given, and what is there → what is kept.
    read: Callable[[str, str | None], str] = lambda given, _: given.strip()


FIELDS = (
    Field(
        secret=MIGRATION,
        name="database_url",
        variable="DATABASE_OWNER_URL",
        what="PostgreSQL as its owner, without a pooler",
        read=_postgres,
    ),
    Field(
        secret=RUNTIME,
        name="database_url",
        variable="DATABASE_URL",
        what="PostgreSQL on the pooled host, as anybody (quire_app is put in their stead)",
        read=_as_app,
    ),
    Field(secret=RUNTIME, name="qdrant_url", variable="QDRANT_URL", what="Qdrant's URL"),
    Field(
        secret=RUNTIME,
        name="qdrant_api_key",
        variable="QDRANT_API_KEY",
        what="Qdrant's API key",
        needed=False,
    ),
    Field(
        secret=RUNTIME,
        name="openai_api_key",
        variable="OPENAI_API_KEY",
        what="the key of OpenAI's API, or of what speaks it",
    ),
    Field(
        secret=RUNTIME,
        name="openai_base_url",
        variable="OPENAI_BASE_URL",
        what="where that is, if it is not OpenAI's own",
        needed=False,
    ),
)


def provide(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help=" ".join(STAGES))],
    replace: Annotated[
        bool, typer.Option("--replace", help="Ask for what is there, too; Enter keeps it.")
    ] = False,
    edge_key: Annotated[
        EdgeKey | None, typer.Option(help="What CloudFront shows: make another, end the former.")
    ] = None,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Another one for quire_app; `migrate` sets it.")
    ] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete all of them, at once and for good.")
    ] = False,
) -> None:
    """Make what is missing of a stage's secrets; what is there stays as it is."""
    if stage not in STAGES:
        raise typer.BadParameter(f"There is no stage {stage}: {', '.join(STAGES)}.")
    try:
        vault = session().client("secretsmanager")
        if delete:
            _delete(vault, stage)
        else:
            _make(vault, stage, replace=replace, edge_key=edge_key, new_password=new_password)
    except Unfit as error:
        typer.echo(f"Nothing was changed: {error}.", err=True)
        raise typer.Exit(1) from None
    except (BotoCoreError, ClientError) as error:
        typer.echo(f"AWS refused: {error}", err=True)
        raise typer.Exit(1) from None


def _make(
    vault: "SecretsManagerClient",
    stage: str,
    *,
    replace: bool,
    edge_key: EdgeKey | None,
    new_password: bool,
) -> None:
    """All is asked for before anything is kept. Raises Unfit."""
    former = {name: _find(vault, stage, name) for name in (RUNTIME, MIGRATION, SWITCHES, FIRST_KEY)}
    wanted: dict[str, Secret] = {name: dict(secret or {}) for name, secret in former.items()}
    for field in FIELDS:
        _fill(wanted[field.secret], field, replace=replace)
    wanted[MIGRATION].setdefault("first_tenant", STAGES[stage].tenant)
    runtime = wanted[RUNTIME]
    _see_to_edge(runtime, edge_key)
    if new_password:
        runtime["database_url"] = _with_another_password(runtime["database_url"])
    for name, secret in wanted.items():
        _keep(vault, secret_name(stage, name), former[name], secret)


def _see_to_edge(runtime: Secret, wish: EdgeKey | None) -> None:
    """The former key holds until CloudFront is certain to show the other. Raises Unfit."""
    if wish is EdgeKey.ROTATE and EDGE_KEY in runtime:
        if FORMER_EDGE_KEY in runtime:
            raise Unfit("the former edge_key is still good; end it first")
        runtime[FORMER_EDGE_KEY] = runtime.pop(EDGE_KEY)
    elif wish is EdgeKey.END:
        runtime.pop(FORMER_EDGE_KEY, None)
    runtime.setdefault(EDGE_KEY, secrets.token_urlsafe(32))


def _fill(secret: Secret, field: Field, *, replace: bool) -> None:
    there = field.name in secret
    if there and not replace:
        return
    if given := os.environ.get(field.variable) or _ask(field, there=there):
        try:
            secret[field.name] = field.read(given, secret.get(field.name))
        except ValueError:
            raise Unfit(f"{field.variable} cannot be read") from None
    elif field.needed and not there:
        raise Unfit(f"{field.variable} is missing: {field.what}")


def _ask(field: Field, *, there: bool) -> str:
    if not sys.stdin.isatty():
        return ""
    end = " (Enter: as it is)" if there else "" if field.needed else " (Enter: none)"
    answer: str = typer.prompt(
        f"{field.variable}, {field.what}{end}", default="", hide_input=True, show_default=False
    )
    return answer


def _find(vault: "SecretsManagerClient", stage: str, name: str) -> Secret | None:
    try:
        found = vault.get_secret_value(SecretId=secret_name(stage, name))
    except vault.exceptions.ResourceNotFoundException:
        return None
    secret: Secret = json.loads(found["SecretString"])
    return secret


def _keep(
    vault: "SecretsManagerClient", name: str, former: Mapping[str, str] | None, secret: Secret
) -> None:
    """Only the names of fields are told."""
    changed = sorted({key for key, _ in (former or {}).items() ^ secret.items()})
    if former is None:
        vault.create_secret(Name=name, SecretString=json.dumps(secret))
        typer.echo(f"{name}: made ({', '.join(changed) or 'empty'})")
    elif changed:
        vault.put_secret_value(SecretId=name, SecretString=json.dumps(secret))
        typer.echo(f"{name}: set ({', '.join(changed)})")
    else:
        typer.echo(f"{name}: as it was")


def _delete(vault: "SecretsManagerClient", stage: str) -> None:
    for name in (RUNTIME, MIGRATION, SWITCHES, FIRST_KEY):
        # Else the name would be taken for a month, and the next `make secrets` refused.
        vault.delete_secret(SecretId=secret_name(stage, name), ForceDeleteWithoutRecovery=True)
        typer.echo(f"{secret_name(stage, name)}: deleted")


if __name__ == "__main__":
    typer.run(provide)
