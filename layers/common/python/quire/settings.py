"""What a function is told: plain values from its environment, secrets by their names.

Read once at a function's entry and handed on as values; nothing below the composition roots
imports this module.
"""

from typing import Self

from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from quire.domain import Prices
from quire.secrets import load_secret


class RuntimeSecret(BaseModel, frozen=True):
    """Kept under `QUIRE_RUNTIME_SECRET`; `database_url` is the pooled host, as quire_app."""

    database_url: SecretStr
    qdrant_url: str
    qdrant_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_api_key: SecretStr

    @property
    def qdrant_key(self) -> str | None:
        return self.qdrant_api_key.get_secret_value() if self.qdrant_api_key else None


class MigrationSecret(BaseModel, frozen=True):
    """Kept under `QUIRE_MIGRATION_SECRET`, which only `migrate` may read.

    `database_url` is the unpooled host, as the owner. `first_key` opens the stage's first
    tenant; it is stored hashed.
    """

    database_url: SecretStr
    first_tenant: str | None = None
    first_key: SecretStr | None = None


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
    queue_url: str
    chat_model: str = "gpt-6-luna"
    # Dollars per million tokens, as listed on 2026-11-21 for the default models.
    price_prompt: float = 0.10
    price_cached: float = 0.01
    price_completion: float = 0.50
    price_embedding: float = 0.02
    answer_tokens: int = 500
    # The gateway cuts at 30 s; a turn has to give up cleanly before that.
    turn_seconds: float = 25.0
    database_connections: int = 4

    @property
    def prices(self) -> Prices:
        return Prices(
            prompt=self.price_prompt,
            cached=self.price_cached,
            completion=self.price_completion,
            embedding=self.price_embedding,
        )

    @classmethod
    def load(cls) -> tuple[Self, RuntimeSecret]:
        settings = cls()
        return settings, RuntimeSecret.model_validate(load_secret(settings.runtime_secret))


class MigrationSettings(_Environment):
    """Of `migrate` alone."""

    migration_secret: str

    @classmethod
    def load(cls) -> tuple[Self, RuntimeSecret, MigrationSecret]:
        settings = cls()
        return (
            settings,
            RuntimeSecret.model_validate(load_secret(settings.runtime_secret)),
            MigrationSecret.model_validate(load_secret(settings.migration_secret)),
        )
