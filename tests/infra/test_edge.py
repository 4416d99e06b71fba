"""CloudFront before both doors."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.template import Template, flat

STREAMED = {"/v1/chat/stream", "/v1/chat/completions", "/v1/messages/*/stream"}


@pytest.fixture(scope="module")
def edge(templates: Mapping[str, Template]) -> Template:
    return templates["edge"]


@pytest.fixture(scope="module")
def distribution(edge: Template) -> dict[str, Any]:
    found: dict[str, Any] = edge.one("AWS::CloudFront::Distribution")["DistributionConfig"]
    return found


def test_it_is_an_option(dev: Template) -> None:
    assert not any(type.startswith("AWS::CloudFront") for type in dev.types())


def test_what_streams_goes_to_the_function_and_all_else_to_the_gateway(
    distribution: dict[str, Any],
) -> None:
    behaviors = {b["PathPattern"]: b for b in distribution["CacheBehaviors"]}
    assert set(behaviors) == STREAMED
    (streaming,) = {behavior["TargetOriginId"] for behavior in behaviors.values()}
    other = distribution["DefaultCacheBehavior"]["TargetOriginId"]
    origins = {origin["Id"]: flat_domain(origin) for origin in distribution["Origins"]}
    assert "FunctionUrl" in origins[streaming]
    assert "ApiEndpoint" in origins[other]


def flat_domain(origin: dict[str, Any]) -> str:
    return str(origin["DomainName"])


def test_nothing_is_kept_and_authorization_is_passed_on(distribution: dict[str, Any]) -> None:
    for behavior in (distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]):
        # The managed policies CachingDisabled and AllViewerExceptHostHeader.
        assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        assert behavior["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
        assert "DELETE" in behavior["AllowedMethods"]
        assert behavior["ViewerProtocolPolicy"] == "https-only"
        assert behavior["Compress"] is False


def test_it_tells_who_calls_in_place_of_whoever_says_so(
    edge: Template, distribution: dict[str, Any]
) -> None:
    function = edge.one("AWS::CloudFront::Function")
    assert function["AutoPublish"] is True
    assert '.headers["quire-viewer"] = { value: event.viewer.ip };' in function["FunctionCode"]
    for behavior in (distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]):
        (associated,) = behavior["FunctionAssociations"]
        assert associated["EventType"] == "viewer-request"


def test_the_apps_know_it_by_a_header_that_the_template_does_not_tell(
    edge: Template, distribution: dict[str, Any]
) -> None:
    assert len(distribution["Origins"]) == 2
    for origin in distribution["Origins"]:
        (header,) = origin["OriginCustomHeaders"]
        assert header["HeaderName"] == "Quire-Edge"
        told = flat(header["HeaderValue"])
        assert told == "{{resolve:secretsmanager:quire/edge/runtime:SecretString:edge_key::}}"
    # It would sign with our callers' own header.
    assert "AWS::CloudFront::OriginAccessControl" not in edge.types()


def test_where_the_key_is_rotated_the_functions_know_it_before_it_is_shown(
    edge: Template, distribution: dict[str, Any]
) -> None:
    """CloudFormation looks at a reference anew where something else of what has it changed."""
    assert "2027-01-01" in distribution["Comment"]
    for _, properties in edge.functions().values():
        assert properties["Environment"]["Variables"]["ROTATED"] == "2027-01-01"
    (resource,) = edge.resources("AWS::CloudFront::Distribution").values()
    assert edge.resources("AWS::Lambda::Alias").keys() <= set(resource["DependsOn"])


def test_both_doors_have_one_name(edge: Template, distribution: dict[str, Any]) -> None:
    assert distribution["Aliases"] == ["quire.example"]
    assert distribution["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert edge.output("ApiUrl") == edge.output("StreamUrl") == "https://quire.example"
    (id,) = edge.resources("AWS::CloudFront::Distribution")
    assert flat(edge.output("DomainTarget")) == f"<{id}.DomainName>"
    # The gateway's own name is what CloudFront asks.
    assert not edge.one("AWS::ApiGatewayV2::Api").get("DisableExecuteApiEndpoint")
