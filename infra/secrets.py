"""The secrets that `make secrets` made; a template has their names."""

from aws_cdk import ArnFormat, Stack
from constructs import Construct

from infra.config import StageConfig
from infra.names import secret_name


class Secrets(Construct):
    def __init__(self, scope: Construct, id: str, *, stage: StageConfig) -> None:
        super().__init__(scope, id)
        self._stage = stage

    def name(self, secret: str) -> str:
        return secret_name(self._stage.name, secret)

    def arn(self, secret: str) -> str:
        """With what Secrets Manager adds to a name, which nobody knows before."""
        return Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{self.name(secret)}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
