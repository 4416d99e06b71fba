"""How the stages differ: frozen values, handed to the constructs as arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# The first of the adapter's layers (v1.1) that calls a function's snapshot hooks.
ADAPTER_WITH_HOOKS = 30
LOG_DAYS = (7, 30, 90)
# What an HTTP API gives a function before it answers 503 in its stead.
GATEWAY_SECONDS = 30
# Whose tokens the app takes: a setting of its own, unless `jwt` says it for both.
ISSUERS = "QUIRE_ISSUERS"


class Alarm(StrEnum):
    """What somebody is told of. Each is a section of docs/runbook.md, which says what to do."""

    ERRORS = "people-get-errors"
    TURNS = "turns-come-to-nothing"
    FIRST_WORDS = "first-words-are-slow"
    CITATIONS = "citations-do-not-hold"
    CRASHES = "a-function-crashes"
    THROTTLES = "functions-are-throttled"
    DOCUMENTS = "documents-wait"
    JOBS = "jobs-wait"
    HELD = "work-is-switched-off"
    DEAD = "messages-were-given-up"
    DEPENDENCY = "a-dependency-is-down"
    CONNECTIONS = "connections-are-waited-for"
    STATEMENTS = "statements-are-slow"
    DAY = "a-day-is-dear"
    MONTH = "a-month-is-dear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of one function: `memory` in MB, with which comes its share of a CPU; `timeout` in seconds.

    `reserved` executions are its alone, and no more than these; none by default, as new accounts
    have ten in all and may reserve none of them.
    """

    memory: int
    timeout: int
    reserved: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A name of yours. Its certificate is in the stage's region, with `edge` in us-east-1."""

    name: str
    certificate_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt:
    """Whose tokens the gateway asks for, and the app takes. Our own API keys do not pass it then.

    Who has one is of the tenant that its `tenant_claim` names, without one of the stage's; and may
    do what `scopes` say, or its `scope_claim` where there is one (`quire.issuers`).
    """

    issuer: str
    audience: str
    tenant_claim: str | None = None
    scopes: tuple[str, ...] = ("ask",)
    scope_claim: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """`keep_documents`: the bucket outlives its stack, and deployments cannot empty it.

    `tenant` is the first one, and the operator's. `origins` are those whose pages may call (CORS).
    `settings` are `QUIRE_…` variables beside those that the stack sets: models, prices, limits,
    issuers. `edge` puts CloudFront before both doors, under one name.
    """

    name: str
    keep_documents: bool
    log_days: int
    tenant: str = "main"
    origins: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    event_bus: str | None = None

    # At rest it is the models that are waited for: a turn takes little CPU, a file takes much.
    chat: Size = Size(memory=1024, timeout=29)
    chat_stream: Size = Size(memory=1024, timeout=150)
    ingest_api: Size = Size(memory=1024, timeout=29)
    ingest: Size = Size(memory=2048, timeout=300)
    maintenance: Size = Size(memory=1024, timeout=300)
    health: Size = Size(memory=512, timeout=10)
    migrate: Size = Size(memory=512, timeout=300)
    # Restores what was started before it was needed. Its cached versions are paid for while nobody
    # asks, and what nobody asks for two weeks is at first refused (ADR 24).
    snap_start: bool = True
    adapter_layer: int = ADAPTER_WITH_HOOKS

    # Batches at once of each queue; SQS knows no less than two.
    documents_at_once: int = 2
    bulk_at_once: int = 2
    maintenance_at_once: int = 2
    # Seconds that a batch may be waited for: files that come together are embedded together.
    batch_seconds: int = 1

    # Requests a second, and how many more at once, of all callers together.
    requests_a_second: int = 50
    burst: int = 100
    jwt: Jwt | None = None
    domain: Domain | None = None
    edge: bool = False

    # Lambda samples requests, and the functions tell X-Ray their spans (ADR 22): $5 a million.
    traces: bool = False
    # Told to `notify`, addresses of mail. `runbook` is where they find it, be it a page's URL.
    alarms: frozenset[Alarm] = frozenset(Alarm)
    notify: tuple[str, ...] = ()
    runbook: str = "docs/runbook.md"
    # What models may cost in a day, and all of the account in a month, before somebody is told.
    dollars_a_day: int = 10
    dollars_a_month: int = 100

    def __post_init__(self) -> None:
        if self.log_days not in LOG_DAYS:
            raise ValueError(f"Logs are kept for one of {LOG_DAYS} days.")
        if self.adapter_layer < ADAPTER_WITH_HOOKS:
            raise ValueError(f"The adapter knows snapshots from layer {ADAPTER_WITH_HOOKS} on.")
        if max(self.chat.timeout, self.ingest_api.timeout) >= GATEWAY_SECONDS:
            raise ValueError(f"The gateway waits no longer than {GATEWAY_SECONDS} s.")
        if self.jwt and ISSUERS in self.settings:
            raise ValueError(f"`jwt` is what the app trusts, too: leave {ISSUERS} out.")


STAGES = {
    stage.name: stage
    for stage in (
        StageConfig(
            name="dev",
            keep_documents=False,
            log_days=7,
            # It rests most of the time, and is to cost little then; its first answer waits.
            snap_start=False,
            # What is lost or paid for unseen; of the rest its maker hears soon enough.
            alarms=frozenset({Alarm.DEAD, Alarm.DAY, Alarm.MONTH}),
        ),
        StageConfig(name="staging", keep_documents=False, log_days=30),
        StageConfig(
            name="prod",
            keep_documents=True,
            log_days=90,
            documents_at_once=10,
            bulk_at_once=5,
            requests_a_second=500,
            burst=1_000,
            dollars_a_day=100,
            dollars_a_month=1_000,
        ),
    )
}
