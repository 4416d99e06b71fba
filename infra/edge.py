"""CloudFront before both doors, so that all of it has one name.

Origin access control is not for the streaming door: it signs with `Authorization`, which is our
callers' own, and asks them for a hash of their bodies. A header that only CloudFront knows does it.
Who shows that is believed whose request it passes on, too (`quire.web.edge`).
"""

from aws_cdk import Duration, Fn, SecretValue
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.api import Api
from infra.config import StageConfig
from infra.nag import acknowledge
from infra.names import EDGE_HEADER, EDGE_KEY, ROTATED, RUNTIME, VIEWER_HEADER, secret_name

# What the streaming app answers in pieces; all else is the HTTP API's.
STREAMED = ("/v1/chat/stream", "/v1/chat/completions", "/v1/messages/*/stream")
# The app says something every ten seconds, if only that it is still here.
_SILENCE = Duration.seconds(60)
# Not `X-Forwarded-For`, which callers begin and a function URL cuts to that beginning; and of
# CloudFront's own headers, the policy that leaves out Host adds none for certain. The name is in
# lower case, as all are there.
_TELL_VIEWER = f"""function handler(event) {{
    event.request.headers["{VIEWER_HEADER.lower()}"] = {{ value: event.viewer.ip }};
    return event.request;
}}
"""


class Edge(Construct):
    """`url` is where both doors are. With a `domain`, `target` is what it has to point to."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: StageConfig,
        api: Api,
        stream: lambda_.IFunctionUrl,
    ) -> None:
        super().__init__(scope, id)
        # A reference. CloudFormation resolves it only where something else of the distribution
        # changes, so its comment tells when a secret was rotated.
        key = SecretValue.secrets_manager(secret_name(stage.name, RUNTIME), json_field=EDGE_KEY)
        shown = {EDGE_HEADER: key.unsafe_unwrap()}
        streaming = origins.FunctionUrlOrigin(stream, read_timeout=_SILENCE, custom_headers=shown)
        buffered = origins.HttpOrigin(
            Fn.select(2, Fn.split("/", api.http_api.api_endpoint)), custom_headers=shown
        )
        telling = cloudfront.Function(
            self,
            "Viewer",
            code=cloudfront.FunctionCode.from_inline(_TELL_VIEWER),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        certificate = (
            certificates.Certificate.from_certificate_arn(
                self, "Certificate", stage.domain.certificate_arn
            )
            if stage.domain
            else None
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=" ".join(filter(None, (f"quire-{stage.name}", stage.settings.get(ROTATED)))),
            default_behavior=_passed_on(buffered, telling),
            additional_behaviors={path: _passed_on(streaming, telling) for path in STREAMED},
            certificate=certificate,
            domain_names=[stage.domain.name] if stage.domain else None,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
        )
        self.target = self.distribution.distribution_domain_name
        name = stage.domain.name if stage.domain else self.target
        self.url = f"https://{name}"
        for rule, reason in (
            ("CFR1", "Who may call is a matter of keys, not of countries."),
            ("CFR2", "A firewall is billed at rest; callers are limited by key (ADR 19)."),
            ("CFR3", "Every request is in the functions' logs, those refused in the gateway's."),
            # Where no certificate is given, CloudFront's own comes with its own rules for TLS.
            ("CFR4", "Only a name of yours can ask for TLS 1.2."),
        ):
            acknowledge(self.distribution, f"AwsSolutions-{rule}", reason=reason)


def _passed_on(
    origin: cloudfront.IOrigin, telling: cloudfront.Function
) -> cloudfront.BehaviorOptions:
    """All of a request but its Host, and nothing is kept: answers are their callers' own."""
    return cloudfront.BehaviorOptions(
        origin=origin,
        viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
        cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
        origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        compress=False,
        function_associations=[
            cloudfront.FunctionAssociation(
                function=telling, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
            )
        ],
    )
