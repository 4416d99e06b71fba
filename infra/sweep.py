"""What no deadline looks after: expired rows of caches, and whatever messages were lost.

Once a day, not more often: a database that scales to zero is woken, and billed, by whoever polls.
"""

from aws_cdk import Duration
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from infra.documents import Documents


class Sweep(Construct):
    """A message to the maintenance worker, which has the code and the rights for it."""

    def __init__(self, scope: Construct, id: str, *, documents: Documents) -> None:
        super().__init__(scope, id)
        scheduler.Schedule(
            self,
            "Daily",
            schedule=scheduler.ScheduleExpression.cron(hour="3", minute="17"),
            time_window=scheduler.TimeWindow.flexible(Duration.minutes(30)),
            target=targets.SqsSendMessage(
                documents.maintenance,
                input=scheduler.ScheduleTargetInput.from_object({"recover": True}),
                dead_letter_queue=documents.dead,
            ),
        )
