"""Who may read which of the secrets that `make secrets` made; a template has their names."""

from aws_cdk import ArnFormat, Stack
from constructs import Construct

from infra.config import StageConfig
from infra.function import Function
from infra.names import secret_name


class Secrets(Construct):
    def __init__(self, scope: Construct, id: str, *, stage: StageConfig) -> None:
        super().__init__(scope, id)
        self._stage = stage

    def name(self, secret: str) -> str:
        return secret_name(self._stage.name, secret)

    def let_read(self, function: Function, *secrets: str) -> None:
        arns = [self._arn(secret) for secret in secrets]
        function.may("secretsmanager:GetSecretValue", on=arns)

    def let_hand_over(self, function: Function, secret: str) -> None:
        """It may put a value there, and read none."""
        function.may("secretsmanager:PutSecretValue", on=self._arn(secret))

    def _arn(self, secret: str) -> str:
        """With what Secrets Manager adds to a name, which nobody knows before."""
        return Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{self.name(secret)}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
