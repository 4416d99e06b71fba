"""`cdk synth -c stage=dev`: one stack a stage."""

from aws_cdk import App

from infra.config import STAGES
from infra.stack import QuireStack

app = App()
stage = STAGES[app.node.try_get_context("stage") or "dev"]
QuireStack(app, f"quire-{stage.name}", stage=stage)
app.synth()
