"""Before `make destroy`: a bucket that holds anything cannot be deleted.

CDK could do this from within, by a function of its own whose log outlives the stack.
"""

from typing import Annotated

import boto3
import typer

from infra.config import STAGES
from infra.names import stack_name
from infra.outputs import outputs_of


def empty(stage: Annotated[str, typer.Argument(metavar="STAGE", help=" ".join(STAGES))]) -> None:
    """Delete every version of every object of a stage that does not keep its documents."""
    if stage not in STAGES:
        raise typer.BadParameter(f"There is no stage {stage}: {', '.join(STAGES)}.")
    if STAGES[stage].keep_documents:
        typer.echo(f"{stage} keeps its documents: its bucket stays when the stack goes.")
        return
    outputs = outputs_of(stage)
    if outputs is None:
        typer.echo(f"There is no stack {stack_name(stage)}.")
        return
    bucket = outputs["BucketName"]
    boto3.resource("s3").Bucket(bucket).object_versions.delete()
    typer.echo(f"{bucket}: empty")


if __name__ == "__main__":
    typer.run(empty)
