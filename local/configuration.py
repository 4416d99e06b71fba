"""What the laptop cloud is told by its environment: ports, where state lives, what is elsewhere."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOCAL_MODELS = ("all-MiniLM-L6-v2", 384, "extractive")


class Configuration(BaseSettings):
    """`QUIRE_…` for what is ours; the names others use for what is theirs."""

    model_config = SettingsConfigDict(env_prefix="QUIRE_", frozen=True, extra="ignore")

    state: Path = Path(".quire")
    api_port: int = 8000
    stream_port: int = 8001
    postgres_port: int = 5433
    pgbouncer_port: int = 6432
    qdrant_port: int = 6333
    aws_port: int = 4566
    model_port: int = 11435

    # Long enough that whoever kills a server sees what its loss does.
    restart_seconds: float = 8.0

    # A moment's patience fills one batch, and saves starting a second worker for a few small files.
    batch_seconds: float = 0.5
    # How long an invocation of an ingestion function may last, and the deadlines that follow.
    worker_seconds: int = 300
    watch_seconds: float = 330.0
    retire_seconds: float = 60.0
    idle_seconds: float = 300.0

    # Whose tokens are taken, as the functions are told it: JSON.
    issuers: str = "[]"
    remember_seconds: float = 60.0

    tenant: str = "local"
    api_key: SecretStr = SecretStr("quire-local-key")

    # Neon, or any PostgreSQL: pooled as quire_app, and unpooled as the owner.
    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")
    database_owner_url: SecretStr | None = Field(None, validation_alias="DATABASE_OWNER_URL")
    qdrant_url: str | None = Field(None, validation_alias="QDRANT_URL")
    qdrant_api_key: SecretStr | None = Field(None, validation_alias="QDRANT_API_KEY")
    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(None, validation_alias="OPENAI_BASE_URL")

    embedding_model: str | None = None
    embedding_dimensions: int | None = None
    chat_model: str | None = None

    @property
    def local_models(self) -> bool:
        """No key and no other server: the loopback models answer."""
        return self.openai_api_key is None and self.openai_base_url is None

    def ports(self) -> dict[str, int]:
        """The ports that will be listened on, by the name of who does."""
        ports = {"api": self.api_port, "stream": self.stream_port, "aws": self.aws_port}
        if self.database_url is None:
            ports |= {"postgres": self.postgres_port, "pgbouncer": self.pgbouncer_port}
        if self.qdrant_url is None:
            ports["qdrant"] = self.qdrant_port
        if self.local_models:
            ports["model"] = self.model_port
        return ports

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def stream_url(self) -> str:
        return f"http://127.0.0.1:{self.stream_port}"

    @property
    def aws_url(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.database_url is None) != (self.database_owner_url is None):
            raise ValueError("set both DATABASE_URL (pooled) and DATABASE_OWNER_URL, or neither")
        named = (self.embedding_model, self.embedding_dimensions, self.chat_model)
        if self.openai_base_url and None in named:
            raise ValueError(
                "with OPENAI_BASE_URL, name its models: QUIRE_CHAT_MODEL, QUIRE_EMBEDDING_MODEL "
                "and QUIRE_EMBEDDING_DIMENSIONS"
            )
        return self

    def ingestion_settings(self) -> dict[str, str]:
        """Deadlines, who runs this deployment and who may call, as the functions' environment."""
        return {
            "QUIRE_ISSUERS": self.issuers,
            "QUIRE_REMEMBER_SECONDS": str(self.remember_seconds),
            "QUIRE_WATCH_SECONDS": str(self.watch_seconds),
            "QUIRE_RETIRE_SECONDS": str(self.retire_seconds),
            "QUIRE_IDLE_SECONDS": str(self.idle_seconds),
            "QUIRE_OPERATOR_TENANT": self.tenant,
        }

    def model_settings(self) -> dict[str, str]:
        """The models as the functions' environment; OpenAI's own are the functions' defaults."""
        named = (self.embedding_model, self.embedding_dimensions, self.chat_model)
        if self.local_models:
            named = LOCAL_MODELS
        names = ("QUIRE_EMBEDDING_MODEL", "QUIRE_EMBEDDING_DIMENSIONS", "QUIRE_CHAT_MODEL")
        settings = {k: str(v) for k, v in zip(names, named, strict=True) if v is not None}
        if self.local_models:
            # Few at a time: a CPU embeds some thirty a second, and progress is to be seen.
            settings |= {"QUIRE_EMBEDDING_INPUTS": "32", "QUIRE_CHECKPOINT_CHUNKS": "64"}
            # A model that only quotes makes up no passage worth searching by.
            settings["QUIRE_IMAGINATIVE"] = "false"
        if self.openai_api_key is None:
            # What runs on your own machine costs nothing.
            kinds = ("PROMPT", "CACHED", "COMPLETION", "EMBEDDING")
            settings |= {f"QUIRE_PRICE_{kind}": "0" for kind in kinds}
        return settings
