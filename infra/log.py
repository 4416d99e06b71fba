"""Logs: kept as long as the stage says, gone with their stack, named by CloudFormation."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import StageConfig

_KEPT = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
}


class Log(logs.LogGroup):
    def __init__(self, scope: Construct, id: str, *, stage: StageConfig) -> None:
        super().__init__(
            scope, id, retention=_KEPT[stage.log_days], removal_policy=RemovalPolicy.DESTROY
        )
