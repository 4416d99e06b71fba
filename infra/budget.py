"""A bound for a month's bill, at which nothing stops, but somebody is told."""

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import StageConfig


class Budget(Construct):
    """Of the whole account: costs are told apart by stage only where somebody activated tags for
    it, and until then a filter would find nothing.
    """

    def __init__(self, scope: Construct, id: str, *, stage: StageConfig, topic: sns.Topic) -> None:
        super().__init__(scope, id)
        told = budgets.CfnBudget.SubscriberProperty(
            subscription_type="SNS", address=topic.topic_arn
        )
        budget = budgets.CfnBudget(
            self,
            "Month",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=stage.dollars_a_month, unit="USD"
                ),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[told],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )
        # Budgets asks, as it is made, whether it may publish there.
        budget.node.add_dependency(topic)
