"""What `make destroy` does before CDK's command: it asks, and empties what is to be deleted.

A bucket that holds anything cannot be. CDK could empty it from within, by a function of its own
whose log outlives the stack.
"""

import os
from typing import Annotated

import typer

from infra.account import session
from infra.config import STAGES
from infra.names import stack_name
from infra.outputs import outputs_of

# A bucket that was not made, or is gone.
_ABSENT = ("CREATE_FAILED", "DELETE_COMPLETE", "DELETE_SKIPPED")


def destroy(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help=" ".join(STAGES))],
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a stage's documents, unless it keeps them, and become the command that destroys it."""
    if stage not in STAGES:
        raise typer.BadParameter(f"There is no stage {stage}: {', '.join(STAGES)}.")
    if outputs_of(stage) is None:
        typer.echo(f"There is no stack {stack_name(stage)}.")
        return
    keeps = STAGES[stage].keep_documents
    with_them = "; its bucket and documents stay" if keeps else ", and all of its documents"
    if not yes:
        typer.confirm(f"Destroy {stack_name(stage)}{with_them}?", abort=True)
    for bucket in [] if keeps else _buckets(stage):
        session().resource("s3").Bucket(bucket).object_versions.delete()
        typer.echo(f"{bucket}: empty")
    os.execvp(command[0], command)


def _buckets(stage: str) -> list[str]:
    """Those that there are; a stack whose first deploy failed has no outputs to tell of them."""
    pages = session().client("cloudformation").get_paginator("list_stack_resources")
    return [
        found["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack_name(stage))
        for found in page["StackResourceSummaries"]
        if found["ResourceType"] == "AWS::S3::Bucket" and found["ResourceStatus"] not in _ABSENT
    ]


if __name__ == "__main__":
    # What comes after the stage is the command's, its options too.
    app = typer.Typer(context_settings={"allow_interspersed_args": False})
    app.command()(destroy)
    app()
