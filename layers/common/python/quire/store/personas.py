"""A tenant's persona: its own words to the model."""

from collections.abc import Mapping, Sequence
from typing import Any

from quire.domain import Persona
from quire.store.corpora import change_corpus
from quire.store.database import Database, Statement

PERSONA: Statement = ("select name, instructions, refusal from personas", [])


def to_persona(rows: Sequence[Mapping[str, Any]]) -> Persona:
    return Persona(**rows[0]) if rows else Persona()


class Personas:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str) -> Persona:
        (rows,) = await self._database.run(tenant, PERSONA)
        return to_persona(rows)

    async def put(self, tenant: str, persona: Persona) -> None:
        """Take the place of the former one, and of the answers that were cached under it."""
        await self._database.run(
            tenant,
            (
                """insert into personas (tenant_id, name, instructions, refusal)
                   values (%s, %s, %s, %s)
                   on conflict (tenant_id) do update set name = excluded.name,
                       instructions = excluded.instructions, refusal = excluded.refusal,
                       updated_at = now()""",
                [tenant, persona.name, persona.instructions, persona.refusal],
            ),
            change_corpus(tenant),
        )
