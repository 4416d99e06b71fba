"""Logs: kept as long as the stage says, gone with their stack, named by CloudFormation."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import LOG_DAYS, StageConfig

_KEPT = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
}
assert tuple(_KEPT) == LOG_DAYS


class Log(logs.LogGroup):
    """`name` where CloudFormation is not to choose it."""

    def __init__(
        self, scope: Construct, id: str, *, stage: StageConfig, name: str | None = None
    ) -> None:
        super().__init__(
            scope,
            id,
            log_group_name=name,
            retention=_KEPT[stage.log_days],
            removal_policy=RemovalPolicy.DESTROY,
        )
