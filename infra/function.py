"""A function as all of ours are: Python on arm64, with the layer, a log and a role of its own."""

from collections.abc import Mapping

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundles import Bundles
from infra.config import Size, StageConfig
from infra.log import Log
from infra.nag import acknowledge
from infra.names import service_name

# The AWS Lambda Web Adapter's own account: https://github.com/awslabs/aws-lambda-web-adapter
_ADAPTER = "arn:aws:lambda:{}:753240598075:layer:LambdaAdapterLayerArm64:{}"


class Function(Construct):
    """`entry` is what to point callers at: the alias `live` of what a person waits for, as
    snapshots are taken of published versions only; else the function itself. `service` is what its
    lines, metrics and spans are told apart by.
    """

    entry: lambda_.IFunction

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        handler: str,
        size: Size,
        stage: StageConfig,
        bundles: Bundles,
        environment: Mapping[str, str],
        live: bool = False,
        streams: bool = False,
        hands_over: bool = False,
    ) -> None:
        """What `streams` is started by the Lambda Web Adapter. What `hands_over` work to itself,
        by a queue, would be stopped after 16 times: Lambda takes it for an accident.
        """
        super().__init__(scope, id)
        self.name = name
        self.service = service_name(stage.name, name)
        self.timeout = Duration.seconds(size.timeout)
        self.log = Log(self, "Log", stage=stage)
        # Lambda's own policy for this would let it write to any log there is.
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log.grant_write(self._role)
        layers: list[lambda_.ILayerVersion] = [bundles.layer]
        if streams:
            adapter = _ADAPTER.format(Aws.REGION, stage.adapter_layer)
            layers.append(lambda_.LayerVersion.from_layer_version_arn(self, "Adapter", adapter))
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            description=f"quire-{stage.name}: {handler}",
            handler=handler,
            code=bundles.of(handler),
            layers=layers,
            role=self._role,
            log_group=self.log,
            memory_size=size.memory,
            timeout=self.timeout,
            reserved_concurrent_executions=size.reserved,
            environment={**environment, "POWERTOOLS_SERVICE_NAME": self.service},
            tracing=lambda_.Tracing.ACTIVE if stage.traces else None,
            snap_start=(
                lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if live and stage.snap_start else None
            ),
            recursive_loop=lambda_.RecursiveLoop.ALLOW if hands_over else None,
        )
        self.entry = self.function
        if stage.traces:
            acknowledge(
                self._role,
                "AwsSolutions-IAM5[Resource::*]",
                reason="CDK's own statement: X-Ray knows no resources to put segments into.",
            )
        if live:
            acknowledge(
                self.function,
                "@aws-cdk/aws-lambda:snapStartRequirePublish",
                reason="The alias below is of a published version.",
            )
            self.entry = lambda_.Alias(
                self, "Live", alias_name="live", version=self.function.current_version
            )
        acknowledge(
            self.function,
            "AwsSolutions-L1",
            reason="The layer is compiled for python3.13: another one is a change of its own.",
        )

    def may(self, *actions: str, on: str | list[str]) -> None:
        """Let it take these actions on what these ARNs name, and on nothing else."""
        arns = [on] if isinstance(on, str) else on
        self._role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=arns)
        )
