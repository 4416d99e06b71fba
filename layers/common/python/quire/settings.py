"""What a function is told: plain values from its environment, secrets by their names.

Read once at a function's entry and handed on as values; nothing below the composition roots
imports this module.
"""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from quire.domain import Issuer, Limits, Prices, Scope
from quire.kept import MigrationSecret, Runtime, RuntimeSecret
from quire.secrets import load_secret

# To check what these signed takes no secret.
Asymmetric = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]


def _origin(text: str) -> str:
    found = urlsplit(text)
    if found.scheme not in ("http", "https") or text != f"{found.scheme}://{found.netloc}":
        raise ValueError("an origin is a scheme, a host and a port, and never '*'")
    return text


Origin = Annotated[str, AfterValidator(_origin)]


class TrustedIssuer(BaseModel, frozen=True, extra="forbid"):
    """An OIDC issuer whose tokens are taken: `quire.issuers.Issuer` says what the fields mean."""

    issuer: str = Field(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])")
    audience: str = Field(min_length=1)
    algorithms: tuple[Asymmetric, ...] = Field(("RS256",), min_length=1)
    tenant: str | None = None
    tenant_claim: str | None = None
    scopes: frozenset[Scope] = frozenset({"ask"})
    scope_claim: str | None = None

    @model_validator(mode="after")
    def _of_tenants(self) -> Self:
        if (self.tenant is None) == (self.tenant_claim is None):
            raise ValueError("name the tenant, or the claim that names it")
        return self

    def to_issuer(self) -> Issuer:
        return Issuer(**dict(self))


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="QUIRE_", frozen=True, extra="ignore")

    runtime_secret: str
    embedding_model: str = "text-embedding-3-small"
    embedding_dimensions: int = 1536

    @property
    def collection(self) -> str:
        """One collection a model and size, since vectors of two models do not compare."""
        model = "".join(c if c.isalnum() else "-" for c in self.embedding_model.lower())
        return f"quire-{model}-{self.embedding_dimensions}"


class Settings(_Environment):
    """Of the functions that serve: chat, ingest, health."""

    bucket: str
    documents_queue_url: str
    bulk_queue_url: str
    maintenance_queue_url: str
    dead_queue_url: str
    # The EventBridge bus on which ready and failed documents are announced; none, no word.
    event_bus: str | None = None
    # Whose tokens are taken beside our own keys, as JSON.
    issuers: tuple[TrustedIssuer, ...] = ()
    # For so long a key, a user or a tenant that was shut out may still be served.
    remember_seconds: float = 60.0
    # Where the API is reached, documents and all; none, at the address that is asked.
    api_url: str | None = None
    chat_model: str = "gpt-6-luna"
    # Dollars per million tokens, as listed on 2026-11-21 for the default models.
    price_prompt: float = 0.10
    price_cached: float = 0.01
    price_completion: float = 0.50
    price_embedding: float = 0.02
    answer_tokens: int = 500
    # OpenAI's limit on a request; a model on a CPU wants fewer at a time.
    embedding_inputs: int = 2_048
    # Chunks between two commits: what a worker that dies has done in vain.
    checkpoint_chunks: int = 512
    # A first look at a document's deadline comes after its worker's time; points of a former
    # version outlive the searches that may find them; a document in nobody's hands for so long
    # is lost.
    watch_seconds: float = 330.0
    retire_seconds: float = 60.0
    idle_seconds: float = 900.0
    # Whose administrators may do what concerns all tenants.
    operator_tenant: str | None = None
    # The gateway cuts at 30 s; a turn has to give up cleanly before that.
    turn_seconds: float = 25.0
    # The function URL has fifteen minutes; a reader has less patience.
    stream_seconds: float = 120.0
    # What a question's embedding may take before its words alone are searched for.
    embedding_seconds: float = 5.0
    # The least cosine of a question with any passage for it to bear on the question.
    relevance_floor: float = 0.1
    # Whether the chat model can make up a passage to search by.
    imaginative: bool = True
    # While PostgreSQL is gone: an answer of which nothing is kept, or none.
    answer_without_database: bool = True
    database_connections: int = 4
    # What a tenant may do that has no limits of its own: requests a minute, of each key and of all;
    # streams at once; tokens and dollars a day. Without a number there is no limit.
    limit_key_requests: int = 600
    limit_requests: int = 3_000
    limit_streams: int | None = None
    limit_tokens: int | None = None
    limit_dollars: float | None = None
    # The secret that holds this stage's switches (quire.switches), looked at so often; none, no
    # switches.
    switches: str | None = None
    switches_seconds: float = 30.0
    # Whose pages may call from a browser, as `https://app.example`; a JSON list.
    origins: list[Origin] = []
    # Whether questions, answers and the names of files are logged: for a stage that has no one's
    # but its maker's.
    log_content: bool = False
    # Whether all have to come by CloudFront, which shows the secret's `edge_key`.
    edge_only: bool = False
    # What one process has under way; what comes beyond is refused at once. While there is too much
    # to do they wait at its door, for so long at most.
    requests_at_once: int = 1_024
    door_seconds: float = 10.0

    @property
    def limits(self) -> Limits:
        return Limits(
            key_requests=self.limit_key_requests,
            requests=self.limit_requests,
            streams=self.limit_streams,
            tokens=self.limit_tokens,
            dollars=self.limit_dollars,
        )

    @property
    def prices(self) -> Prices:
        return Prices(
            prompt=self.price_prompt,
            cached=self.price_cached,
            completion=self.price_completion,
            embedding=self.price_embedding,
        )

    @classmethod
    def load(cls) -> tuple[Self, Runtime]:
        settings = cls()
        return settings, Runtime(settings.runtime_secret)


class MigrationSettings(_Environment):
    """Of `migrate` alone; `first_key_secret` names where a key that it makes is handed over."""

    migration_secret: str
    first_key_secret: str | None = None

    @classmethod
    def load(cls) -> tuple[Self, RuntimeSecret, MigrationSecret]:
        settings = cls()
        return (
            settings,
            RuntimeSecret.model_validate(load_secret(settings.runtime_secret)),
            MigrationSecret.model_validate(load_secret(settings.migration_secret)),
        )
