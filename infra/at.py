"""`python -m infra.at dev quire health`: a command, told where a deployed stage is.

The key is QUIRE_API_KEY, else the first one, which the migration put into its secret. It goes to
the command as a variable of its environment, and is shown nowhere.
"""

import json
import os
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from infra.account import session
from infra.config import STAGES
from infra.names import FIRST_KEY, secret_name
from infra.outputs import outputs_of


def at(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help=" ".join(STAGES))],
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...")],
) -> None:
    """Run a command with QUIRE_URL, QUIRE_STREAM_URL and QUIRE_API_KEY of a deployed stage."""
    if stage not in STAGES:
        raise typer.BadParameter(f"There is no stage {stage}: {', '.join(STAGES)}.")
    try:
        where = _where(stage)
    except (BotoCoreError, ClientError) as error:
        typer.echo(f"AWS refused: {error}", err=True)
        raise typer.Exit(1) from None
    os.execvpe(command[0], command, {**os.environ, **where})


def _where(stage: str) -> dict[str, str]:
    outputs = outputs_of(stage)
    if outputs is None:
        typer.echo(f"{stage} is not deployed: `make deploy STAGE={stage}` does it.", err=True)
        raise typer.Exit(1)
    key = os.environ.get("QUIRE_API_KEY") or _first_key(stage)
    if not key:
        typer.echo("There is no first key any more; set QUIRE_API_KEY.", err=True)
        raise typer.Exit(1)
    return {
        "QUIRE_URL": outputs["ApiUrl"],
        "QUIRE_STREAM_URL": outputs["StreamUrl"],
        "QUIRE_API_KEY": key,
    }


def _first_key(stage: str) -> str | None:
    vault = session().client("secretsmanager")
    try:
        found = vault.get_secret_value(SecretId=secret_name(stage, FIRST_KEY))
    except vault.exceptions.ResourceNotFoundException:
        return None
    key: str | None = json.loads(found["SecretString"]).get("api_key")
    return key


if __name__ == "__main__":
    # What comes after the stage is the command's, its options too.
    app = typer.Typer(context_settings={"allow_interspersed_args": False})
    app.command()(at)
    app()
