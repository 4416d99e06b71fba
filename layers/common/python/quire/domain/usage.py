"""What models take, and what that costs."""

from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    embedding_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            embedding_tokens=self.embedding_tokens + other.embedding_tokens,
        )

    def split(self) -> tuple["Usage", "Usage"]:
        """What a chat model took of it, and what an embedding model."""
        return replace(self, embedding_tokens=0), Usage(embedding_tokens=self.embedding_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Dollars per million tokens."""

    prompt: float = 0.0
    cached: float = 0.0
    completion: float = 0.0
    embedding: float = 0.0

    def cost(self, usage: Usage) -> float:
        """Dollars; `prompt_tokens` includes the cached ones, as the vendors count them."""
        return (
            (usage.prompt_tokens - usage.cached_tokens) * self.prompt
            + usage.cached_tokens * self.cached
            + usage.completion_tokens * self.completion
            + usage.embedding_tokens * self.embedding
        ) / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyUsage:
    """What one model took on one day (UTC)."""

    day: date
    model: str
    requests: int
    usage: Usage
    cost_usd: float
