"""What a deployed stage told of itself: the outputs of its stack."""

from botocore.exceptions import ClientError

from infra.account import session
from infra.names import stack_name


def outputs_of(stage: str) -> dict[str, str] | None:
    """By the names that `infra.stack` gives them; None where the stage is not deployed."""
    try:
        (found,) = (
            session()
            .client("cloudformation")
            .describe_stacks(StackName=stack_name(stage))["Stacks"]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
