"""Migrations run in every deploy that changes them, and one that fails fails the deploy."""

from aws_cdk import CustomResource, custom_resources
from aws_cdk import aws_iam as iam
from constructs import Construct

from deployed.handlers import HANDLERS
from infra.bundles import Bundles
from infra.config import StageConfig
from infra.function import Function
from infra.log import Log
from infra.nag import acknowledge_wildcard


class Migration(Construct):
    """Who needs the new schema depends on this: until it is there, the former code serves on."""

    def __init__(
        self, scope: Construct, id: str, *, stage: StageConfig, migrate: Function, bundles: Bundles
    ) -> None:
        super().__init__(scope, id)
        # Its runtime tells CloudFormation how the handler ended, be it by a time-out.
        log = Log(self, "Log", stage=stage)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        provider = custom_resources.Provider(
            self,
            "Provider",
            on_event_handler=migrate.function,
            framework_on_event_role=role,
            log_group=log,
        )
        acknowledge_wildcard(
            role, migrate.function, ":*", reason="Any version of the one function that migrates."
        )
        self.run = CustomResource(
            self,
            "Run",
            service_token=provider.service_token,
            resource_type="Custom::Migration",
            # CloudFormation runs it when this changes, as it does with every byte of a migration.
            properties={"Bundle": bundles.fingerprint(HANDLERS["migrate"])},
        )
        # Before its role may read the secrets, it could only fail.
        self.run.node.add_dependency(migrate)
