"""The HTTP API: the routes that the laptop has too, its log, its throttles."""

import json
from collections.abc import Mapping

from aws_cdk import Aws, Fn
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from deployed.routes import ROUTES, Route
from infra.config import Domain, StageConfig
from infra.log import Log
from infra.nag import acknowledge

# Ids and numbers, no path: it may name a file.
_LOGGED = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "ms": "$context.responseLatency",
    "function_ms": "$context.integrationLatency",
    "function_error": "$context.integrationErrorMessage",
    "error": "$context.error.message",
    "bytes": "$context.responseLength",
    "ip": "$context.identity.sourceIp",
}
# To be reached by who has no token.
_OPEN = ("health",)
_DEFAULT = "$default"
# All but OPTIONS: a browser asks beforehand without a token, and the app answers it by $default.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Api(Construct):
    """`url` is where it is reached, without a slash at its end; `target`, what the name of its
    `domain` has to point to, where it has one.

    It knows no CORS: the app does, for this door and for the streaming one alike.
    """

    url: str
    target: str | None = None

    def __init__(self, scope: Construct, id: str, *, stage: StageConfig) -> None:
        super().__init__(scope, id)
        # The gateway may write to names that begin so, whichever follow. For any other it adds a
        # line to a policy of the account, which takes 5,120 characters and loses none with a stack.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
        of_stack = Fn.select(2, Fn.split("/", Aws.STACK_ID))
        self.log = Log(
            self, "Log", stage=stage, name=f"/aws/vendedlogs/quire-{stage.name}-{of_stack}"
        )
        acknowledge(
            self,
            "AwsSolutions-APIG4",
            reason="The app asks who calls: our keys and issuers' tokens alike (quire.security).",
        )
        self.http_api = apigatewayv2.HttpApi(
            self,
            "Http",
            api_name=f"quire-{stage.name}",
            create_default_stage=False,
            # With a name of its own in front there is no second door.
            disable_execute_api_endpoint=stage.domain is not None and not stage.edge,
        )
        self._authorizer = (
            authorizers.HttpJwtAuthorizer(
                "Jwt", stage.jwt.issuer, jwt_audience=[stage.jwt.audience]
            )
            if stage.jwt
            else None
        )
        stage_of_api = apigatewayv2.HttpStage(
            self,
            "Stage",
            http_api=self.http_api,
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(
                rate_limit=stage.requests_a_second, burst_limit=stage.burst
            ),
            domain_mapping=(
                self._domain(stage.domain) if stage.domain and not stage.edge else None
            ),
        )
        resource = stage_of_api.node.default_child
        assert isinstance(resource, apigatewayv2.CfnStage)
        resource.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=self.log.log_group_arn, format=json.dumps(_LOGGED)
        )
        self.url = f"https://{stage.domain.name}" if stage.domain else self.http_api.api_endpoint

    def lead_to(self, functions: Mapping[str, lambda_.IFunction]) -> None:
        """Send each route's requests to the function of that name."""
        found = {
            name: integrations.HttpLambdaIntegration(
                name, function, scope_permission_to_route=False
            )
            for name, function in functions.items()
        }
        for route in ROUTES:
            for key in self._keys(route):
                closed = self._authorizer and route.function not in _OPEN and key != _DEFAULT
                apigatewayv2.HttpRoute(
                    self,
                    key,
                    http_api=self.http_api,
                    route_key=_route_key(key),
                    integration=(
                        # A permission for all routes that name a method would not let this one in.
                        integrations.HttpLambdaIntegration(_DEFAULT, functions[route.function])
                        if key == _DEFAULT
                        else found[route.function]
                    ),
                    authorizer=self._authorizer if closed else None,
                )

    def _keys(self, route: Route) -> list[str]:
        if route.path == _DEFAULT:
            return [_DEFAULT]
        every = self._authorizer and "ANY" in route.methods
        return [f"{method} {route.path}" for method in (_METHODS if every else route.methods)]

    def _domain(self, domain: Domain) -> apigatewayv2.DomainMappingOptions:
        certificate = certificates.Certificate.from_certificate_arn(
            self, "Certificate", domain.certificate_arn
        )
        named = apigatewayv2.DomainName(
            self, "Domain", domain_name=domain.name, certificate=certificate
        )
        self.target = named.regional_domain_name
        return apigatewayv2.DomainMappingOptions(domain_name=named)


def _route_key(key: str) -> apigatewayv2.HttpRouteKey:
    if key == _DEFAULT:
        return apigatewayv2.HttpRouteKey.DEFAULT
    method, path = key.split(" ")
    return apigatewayv2.HttpRouteKey.with_(path, apigatewayv2.HttpMethod[method])
