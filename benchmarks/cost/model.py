"""Dollars a month, line by line, of a stage as `infra.config` has it."""

from dataclasses import dataclass
from math import ceil, log2

from benchmarks.cost import assumed as a
from benchmarks.cost import prices as p
from infra.config import STAGES

STAGE = STAGES["prod"]
# What is restored from a snapshot; all others start as they are.
LIVE = (STAGE.chat, STAGE.chat_stream, STAGE.ingest_api, STAGE.health)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A month: `turns`, `documents` that are there, those of them that were `read` in it.

    `cold` is the share of turns that wait for a sandbox. Not `paid`, PostgreSQL and Qdrant are in
    their providers' free plans. `cu` is the size of the database (1 CU: one core, 4 GB).
    """

    name: str
    turns: float
    documents: int
    read: int = 0
    cold: float = 0.01
    paid: bool = True
    cu: float = a.NEON_CU

    @property
    def active_hours(self) -> float:
        """In which anybody was there; never more than there are."""
        visits = self.turns / a.VISIT_TURNS
        return min(a.HOURS, visits * (a.VISIT_HOURS + a.AWAKE_HOURS))

    @property
    def sandboxes(self) -> float:
        """At work at once while anybody is there: each serves one turn at a time."""
        if not self.turns:
            return 0
        return max(1.0, self.turns * turn_seconds() / (3_600 * self.active_hours))


def turn_seconds() -> float:
    """What a turn is billed for: waiting, and CPU at the function's share of a core."""
    return a.TURN_WAIT_SECONDS + a.TURN_CPU_SECONDS * a.CORE_MB / STAGE.chat.memory


def idle_polls() -> float:
    """Requests a month that Lambda makes to ask empty queues."""
    return a.QUEUES * a.POLLERS * a.HOURS * 3_600 / a.POLL_SECONDS


def lines(of: Workload) -> dict[str, float]:
    """What each service costs."""
    return {
        "Storage: S3": _storage(of),
        "Secrets Manager": a.SECRETS * p.SECRET_MONTH + _switches(of),
        "SnapStart: cached versions": _cached(),
        "SnapStart: restores": of.turns * of.cold * STAGE.chat.memory / 1_024
        * p.SNAPSHOT_GB_RESTORED,
        "SQS: polls of empty queues": idle_polls() * p.SQS_REQUEST,
        "SQS: messages": of.read * a.DOCUMENT_MESSAGES * 3 * p.SQS_REQUEST,
        "Lambda": _lambda(of),
        "API Gateway": of.turns * (1 - a.STREAMED + a.BESIDE) * p.HTTP_API_REQUEST,
        "CloudWatch: alarms, dashboard": a.ALARM_METRICS * p.ALARM_METRIC_MONTH
        + a.DASHBOARDS * p.DASHBOARD_MONTH,
        "CloudWatch: logs, metrics": of.turns * a.TURN_LOG_GB
        * (p.LOG_GB + a.LOG_MONTHS * p.LOG_GB_MONTH)
        + a.METRICS * p.METRIC_MONTH * of.active_hours / a.HOURS,
        "Data out": of.turns * a.TURN_OUT_GB * p.OUT_GB,
        "Neon": _neon(of),
        "Qdrant (price not verified)": _qdrant(of),
        "Models: questions": of.turns * turn_tokens(),
        "Models: documents": of.read * a.CHUNKS * a.CHUNK_TOKENS * p.EMBEDDING_TOKEN,
    }  # fmt: skip


def turn_tokens() -> float:
    """Dollars that a turn's tokens cost; none from a cache of the model's or of ours."""
    rewrite, hypothesis = a.REWRITE_TOKENS, a.HYPOTHESIS_TOKENS
    prompt = a.PROMPT_TOKENS + a.REWRITTEN * rewrite[0] + a.MADE_UP * hypothesis[0]
    written = a.COMPLETION_TOKENS + a.REWRITTEN * rewrite[1] + a.MADE_UP * hypothesis[1]
    embedded = a.QUESTION_TOKENS + a.MADE_UP * hypothesis[1]
    return prompt * p.PROMPT_TOKEN + written * p.COMPLETION_TOKEN + embedded * p.EMBEDDING_TOKEN


def _storage(of: Workload) -> float:
    held = of.documents * a.DOCUMENT_GB + a.DEPLOYED_GB
    return held * p.S3_GB_MONTH + of.read * 2 * (p.S3_WRITE + p.S3_READ)


def _switches(of: Workload) -> float:
    return of.sandboxes * of.active_hours * a.SWITCHES_AN_HOUR * p.SECRET_CALL


def _cached() -> float:
    gigabytes = sum(size.memory for size in LIVE) / 1_024 if STAGE.snap_start else 0
    return gigabytes * a.HOURS * 3_600 * p.SNAPSHOT_GB_SECOND


def _lambda(of: Workload) -> float:
    chat, api = STAGE.chat.memory / 1_024, STAGE.ingest_api.memory / 1_024
    turn = chat * turn_seconds() + api * a.BESIDE * a.BESIDE_SECONDS
    document = (STAGE.ingest.memory / 1_024) * (
        a.DOCUMENT_WAIT_SECONDS + a.CHUNKS * a.CHUNK_SECONDS
    )
    requests = of.turns * (1 + a.BESIDE) + of.read
    seconds = of.turns * turn + of.read * document
    return seconds * p.LAMBDA_GB_SECOND + requests * p.LAMBDA_REQUEST


def _neon(of: Workload) -> float:
    """Awake while anybody is there, and once a day for the sweep."""
    if not of.paid:
        return 0
    hours = min(a.HOURS, of.active_hours + a.DAYS * a.SWEEP_HOURS)
    held = of.turns * a.TURN_DATABASE_GB + of.documents * a.CHUNKS * a.CHUNK_DATABASE_GB
    return max(p.NEON_LEAST, of.cu * hours * p.NEON_CU_HOUR + held * p.NEON_GB_MONTH)


def _qdrant(of: Workload) -> float:
    """A cluster's memory is a power of two, and never sleeps."""
    if not of.paid:
        return 0
    needed = of.documents * a.CHUNKS * a.DIMENSIONS * a.INDEX_OVERHEAD / 1e9
    size = 2.0 ** max(0, ceil(log2(needed)))
    return size * p.QDRANT_GB_RAM_MONTH
