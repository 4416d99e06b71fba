"""What Secrets Manager keeps of a stage, and what in it a server may refuse."""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from quire.credentials import Credential
from quire.loopback import is_loopback
from quire.secrets import Secret


def _encrypted(url: str) -> str:
    found = urlsplit(url)
    if found.scheme != "https" and not is_loopback(found.hostname or ""):
        raise ValueError("beyond this machine it has to be reached by https")
    return url


EncryptedUrl = Annotated[str, AfterValidator(_encrypted)]


class _Kept(BaseModel):
    # What is wrong with a secret is told without telling it.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class EmbeddingFallback(_Kept):
    """Another server that has the same embedding model, for when the first one is gone."""

    base_url: str
    api_key: SecretStr
    model: str
    dimensions: int


class RuntimeSecret(_Kept):
    """Kept under `QUIRE_RUNTIME_SECRET`; `database_url` is the pooled host, as quire_app."""

    database_url: SecretStr
    qdrant_url: EncryptedUrl
    qdrant_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_api_key: SecretStr
    embedding_fallback: EmbeddingFallback | None = None
    # What CloudFront shows where a stage has it, and what it showed before: for as long as it may.
    edge_key: SecretStr | None = None
    former_edge_key: SecretStr | None = None


class Runtime(Secret[RuntimeSecret]):
    """The runtime secret with its credentials, each of which is read again when it is refused.

    Until then each stays as it was: what is changed here may not hold yet with its server.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, RuntimeSecret.model_validate)

    @property
    def database_url(self) -> Credential:
        return self._credential(lambda told: told.database_url)

    @property
    def qdrant_key(self) -> Credential:
        return self._credential(lambda told: told.qdrant_api_key)

    @property
    def openai_key(self) -> Credential:
        return self._credential(lambda told: told.openai_api_key)

    @property
    def shown_by_edge(self) -> list[str]:
        """Each of which is believed; none where there is no edge."""
        keys = (self.told.edge_key, self.told.former_edge_key)
        return [key.get_secret_value() for key in keys if key]

    @property
    def models(self) -> dict[str, Any]:
        """The models' servers, for whoever connects."""
        fallback = self.told.embedding_fallback
        return {
            "base_url": self.told.openai_base_url,
            "api_key": self.openai_key,
            "fallback": fallback and {**dict(fallback), "api_key": self._credential(_fallback_key)},
        }

    def _credential(self, read: Callable[[RuntimeSecret], SecretStr | None]) -> Credential:
        def value(told: RuntimeSecret) -> str:
            kept = read(told)
            return kept.get_secret_value() if kept else ""

        async def renew() -> str:
            return value(await self.read_again())

        return Credential(value(self.told), renew)


def _fallback_key(told: RuntimeSecret) -> SecretStr | None:
    return told.embedding_fallback.api_key if told.embedding_fallback else None


class MigrationSecret(_Kept):
    """Kept under `QUIRE_MIGRATION_SECRET`, which only `migrate` may read.

    `database_url` is the unpooled host, as the owner. `first_tenant` is the stage's first one;
    `first_key` opens it and is stored hashed. Without, a key is made (`functions/migrate`).
    """

    database_url: SecretStr
    first_tenant: str | None = None
    first_key: SecretStr | None = None
