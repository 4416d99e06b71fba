"""The account and the region that is spoken to by hand: the ones that CDK deploys to."""

import os

import boto3
import typer


def session() -> boto3.Session:
    """AWS_REGION first, as for CDK and AWS's own command; boto3 by itself does not hear of it.

    Then AWS_DEFAULT_REGION, then the profile's. Raises typer.Exit where none of them names one.
    """
    found = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
    if found.region_name is None:
        typer.echo("No region is named; `export AWS_REGION=…` does it.", err=True)
        raise typer.Exit(1)
    return found
