"""cdk-nag's rules, which every synthesis is checked by, and what to say where one does not hold."""

from aws_cdk import Acknowledgment, App, CfnElement, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct


def check(app: App) -> None:
    """Have the synthesis fail where a rule is broken and nobody said why."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(construct: Construct, rule: str, *, reason: str) -> None:
    """Said beside what breaks the rule, for that construct and those within it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_wildcard(construct: Construct, of: Construct, end: str, *, reason: str) -> None:
    """Whom a role may reach beyond the resource `of` itself: its ARN and what follows, as `:*`."""
    resource = of.node.default_child
    assert isinstance(resource, CfnElement)
    named = Stack.of(of).get_logical_id(resource)
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::<{named}.Arn>{end}]", reason=reason)
