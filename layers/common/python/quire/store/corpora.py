"""A tenant's corpus: a number that rises with all that changes what a question may find."""

from collections.abc import Mapping, Sequence
from typing import Any

from quire.store.database import Statement

GENERATION: Statement = ("select generation from corpora", [])


def to_generation(rows: Sequence[Mapping[str, Any]]) -> int:
    return int(rows[0]["generation"]) if rows else 0


def change_corpus(tenant: str) -> Statement:
    """For the transaction that serves a version, or takes one away."""
    return (
        """insert into corpora (tenant_id) select tenant_id from tenants where tenant_id = %s
           on conflict (tenant_id) do update set generation = corpora.generation + 1""",
        [tenant],
    )
