"""`cdk synth`: one stack a stage, each of them checked."""

from aws_cdk import App

from infra import nag
from infra.config import STAGES
from infra.stack import QuireStack

app = App()
for stage in STAGES.values():
    QuireStack(app, stage=stage)
nag.check(app)
app.synth()
