"""The HTTP API: the laptop's own routes, a log without content, throttles, one place for CORS."""

import json
from collections.abc import Mapping

import pytest

from deployed.handlers import HANDLERS
from deployed.routes import ROUTES
from infra.config import STAGES
from tests.infra.template import Template, flat


def leads(template: Template) -> dict[str, str]:
    """Route → handler, through its integration and alias."""
    integrations = template.resources("AWS::ApiGatewayV2::Integration")
    aliases = template.resources("AWS::Lambda::Alias")
    handlers = {id: handler for handler, (id, _) in template.functions().items()}
    found = {}
    for route in template.properties("AWS::ApiGatewayV2::Route"):
        integration = integrations[flat(route["Target"]).removeprefix("integrations/<")[:-1]]
        alias = aliases[flat(integration["Properties"]["IntegrationUri"])[1:-1]]
        assert integration["Properties"]["PayloadFormatVersion"] == "2.0"
        found[route["RouteKey"]] = handlers[alias["Properties"]["FunctionName"]["Ref"]]
    return found


def test_the_routes_are_the_laptops(dev: Template) -> None:
    assert leads(dev) == {
        route.key(method): HANDLERS[route.function] for route in ROUTES for method in route.methods
    }


def test_the_gateway_may_call_what_it_leads_to_by_every_route(dev: Template) -> None:
    """A route that names a method is `api/stage/METHOD/path`, $default is `api/stage/$default`."""
    allowed = {
        (flat(permission["FunctionName"]), flat(permission["SourceArn"]).rpartition(">")[2])
        for permission in dev.properties("AWS::Lambda::Permission")
        if permission["Principal"] == "apigateway.amazonaws.com"
    }
    functions = {function for function, _ in allowed}
    assert {(function, "/*/*/*") for function in functions} <= allowed
    default = leads(dev)["$default"]
    (alias,) = [
        f"<{id}>"
        for id, alias in dev.resources("AWS::Lambda::Alias").items()
        if alias["Properties"]["FunctionName"]["Ref"] == dev.functions()[default][0]
    ]
    assert (alias, "/*/*") in allowed


@pytest.mark.parametrize("stage", STAGES)
def test_requests_are_throttled_and_logged_without_content(
    templates: Mapping[str, Template], stage: str
) -> None:
    made = templates[stage].one("AWS::ApiGatewayV2::Stage")
    assert made["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": STAGES[stage].requests_a_second,
        "ThrottlingBurstLimit": STAGES[stage].burst,
    }
    assert made["StageName"] == "$default"
    logged = json.loads(made["AccessLogSettings"]["Format"])
    assert {"request_id", "route", "status", "ms"} <= set(logged)
    # A path may name a file, and a query anything.
    assert not {"path", "query", "authorization"} & set(logged)
    assert not any(".path" in value or "header" in value for value in logged.values())


@pytest.mark.parametrize("stage", ["dev", "edge", "jwt"])
def test_cors_is_the_apps(templates: Mapping[str, Template], stage: str) -> None:
    assert "CorsConfiguration" not in templates[stage].one("AWS::ApiGatewayV2::Api")


def test_without_an_issuer_the_app_alone_asks_who_calls(dev: Template) -> None:
    assert "AWS::ApiGatewayV2::Authorizer" not in dev.types()


def test_with_an_issuer_only_health_and_preflights_need_no_token(
    templates: Mapping[str, Template],
) -> None:
    template = templates["jwt"]
    assert template.one("AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"] == {
        "Audience": ["quire"],
        "Issuer": "https://id.example",
    }
    routes = template.properties("AWS::ApiGatewayV2::Route")
    open_to_all = {r["RouteKey"] for r in routes if r.get("AuthorizationType") != "JWT"}
    assert open_to_all == {"$default", "GET /health", "HEAD /health", "GET /health/{proxy+}"}
    # So that OPTIONS comes to the app by $default.
    assert not any(route["RouteKey"].startswith("ANY ") for route in routes)


def test_a_domain_is_the_only_door_to_the_gateway(templates: Mapping[str, Template]) -> None:
    template = templates["jwt"]
    assert template.one("AWS::ApiGatewayV2::DomainName")["DomainName"] == "quire.example"
    assert template.one("AWS::ApiGatewayV2::ApiMapping")
    assert template.one("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is True
    assert template.output("ApiUrl") == "https://quire.example"
    (id,) = template.resources("AWS::ApiGatewayV2::DomainName")
    assert flat(template.output("DomainTarget")) == f"<{id}.RegionalDomainName>"
    assert "AWS::ApiGatewayV2::DomainName" not in templates["dev"].types()
