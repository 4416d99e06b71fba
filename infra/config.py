"""How the stages differ: frozen values, handed to the constructs as arguments."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """`keep_documents`: the bucket outlives its stack, and deployments cannot empty it."""

    name: str
    worker_timeout_seconds: int
    keep_documents: bool


STAGES = {
    stage.name: stage
    for stage in (
        StageConfig(name="dev", worker_timeout_seconds=300, keep_documents=False),
        StageConfig(name="staging", worker_timeout_seconds=300, keep_documents=False),
        StageConfig(name="prod", worker_timeout_seconds=300, keep_documents=True),
    )
}
