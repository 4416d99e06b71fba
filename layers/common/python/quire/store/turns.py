"""Turns: a question and its answer, kept from the first word to the last.

Both messages are there from the beginning, so that an answer may be stopped and resumed by its id;
its words follow within a second, and one transaction ends it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from quire.domain import Caller, Message, OpenedTurn, Prompt, Source
from quire.errors import NotFound
from quire.store.answers import find_answer
from quire.store.collections import LIVE, to_collection
from quire.store.corpora import GENERATION, to_generation
from quire.store.database import Database, Statement
from quire.store.ingestions import IN_FLUX, to_in_flux
from quire.store.personas import PERSONA, to_persona
from quire.store.sessions import MESSAGE, ensure_user, insert_session, touch_session

# A generation whose worker has not been heard of for so long, in seconds, is over. At first it is
# silent: the question is rewritten, embedded and searched for.
FIRST_LEASE = 40
LEASE = 15


class Turns:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(
        self,
        caller: Caller,
        *,
        question: Message,
        answer: UUID,
        new_session: bool,
        title: str,
        request: Mapping[str, Any],
        history: int,
        cache_key: bytes | None,
    ) -> OpenedTurn:
        """Begin a turn, in one round trip. Raises NotFound when there is no such session.

        The session has that `title` if it has none yet. `history` bounds how many of its newest
        messages are answered, oldest first; with a `cache_key`, the answer that is kept under it
        comes along.
        """
        opening: tuple[Statement, ...] = (
            (
                ensure_user(caller),
                insert_session(caller, question.session, title, {}),
            )
            if new_session
            else (touch_session(caller, question.session, title=title),)
        )
        *_, live, persona, generation, in_flux, cached, earlier, begun = await self._database.run(
            caller.tenant,
            *opening,
            LIVE,
            PERSONA,
            GENERATION,
            IN_FLUX,
            find_answer(cache_key or b""),
            (
                f"""select * from (
                        select {MESSAGE} from messages
                        where session_id = %s and status in ('complete', 'incomplete')
                        order by id desc limit %s) newest
                    order by id""",
                [question.session, history],
            ),
            (
                f"""insert into messages
                       (tenant_id, id, session_id, role, content, request, status, lease_until,
                        created_at)
                   select %s, m.id, s.id, m.role, m.content, m.request, 'generating',
                          now() + interval '{FIRST_LEASE} seconds', m.created_at
                   from sessions s, (values
                       (%s::uuid, 'user', %s, null::jsonb, %s::timestamptz),
                       (%s::uuid, 'assistant', '', %s::jsonb, now())
                   ) as m (id, role, content, request, created_at)
                   where s.id = %s and s.user_id = %s
                   returning id""",
                [
                    *(caller.tenant, question.id, question.content, question.created_at),
                    *(answer, Jsonb(request), question.session, caller.user),
                ],
            ),
        )
        if not begun:
            raise NotFound("There is no such session.")
        return OpenedTurn(
            collection=to_collection(live),
            history=[Message(**row) for row in earlier],
            persona=to_persona(persona),
            generation=to_generation(generation),
            cached=cached[0]["answer"] if cached else None,
            in_flux=to_in_flux(in_flux),
        )

    async def unkept(self, tenant: str) -> OpenedTurn:
        """What a turn starts from of which nothing is kept."""
        live, persona, in_flux = await self._database.run(tenant, LIVE, PERSONA, IN_FLUX)
        return OpenedTurn(
            collection=to_collection(live),
            history=(),
            persona=to_persona(persona),
            generation=0,  # it counts for the cache only
            cached=None,
            in_flux=to_in_flux(in_flux),
        )

    async def show(
        self,
        caller: Caller,
        *,
        question: UUID,
        answer: UUID,
        opening: Mapping[str, Any],
        sources: Sequence[Mapping[str, Any]] | None,
        content: str,
        citations: Sequence[Mapping[str, Any]],
        timeout: float,
    ) -> bool:
        """Keep what was shown so far; whether to go on: nobody stopped it or deleted it."""
        _, rows = await self._database.run(
            caller.tenant,
            (
                f"""update messages set lease_until = now() + interval '{LEASE} seconds'
                    where id = %s and status = 'generating'""",
                [question],
            ),
            (
                f"""update messages set opening = %s, sources = %s, content = %s, citations = %s,
                       lease_until = now() + interval '{LEASE} seconds'
                   where id = %s and status = 'generating'
                   returning stop_requested""",
                [Jsonb(opening), _jsonb(sources), content, Jsonb(citations), answer],
            ),
            timeout=timeout,
        )
        return bool(rows) and not rows[0]["stop_requested"]

    async def close(
        self,
        caller: Caller,
        *,
        question: UUID,
        answer: UUID,
        session: UUID,
        status: str,
        content: str,
        citations: Sequence[Mapping[str, Any]],
        opening: Mapping[str, Any],
        sources: Sequence[Mapping[str, Any]] | None,
        outcome: Mapping[str, Any],
        model: str,
        prompt: Prompt | None = None,
        retrieved: Sequence[Source] = (),
        also: Iterable[Statement] = (),
        timeout: float,
    ) -> None:
        """End a turn, whole, and do `also` what goes with it.

        Raises NotFound when its session was deleted meanwhile: of what names the turn's message
        nothing is kept then, the rest of `also` is done.
        """
        try:
            _, closed, *_ = await self._database.run(
                caller.tenant,
                # First, as who deletes it locks it first: neither waits for the other in vain.
                (
                    "update sessions set updated_at = now(), last_accessed = now() where id = %s",
                    [session],
                ),
                (
                    """update messages set status = %s, lease_until = null, content = %s,
                           citations = %s, opening = %s, sources = %s, outcome = %s,
                           grounded = %s, model = %s, prompt_name = %s, prompt_hash = %s,
                           usage = %s, timings = %s
                       where id = %s returning id""",
                    [
                        *(status, content, Jsonb(citations), Jsonb(opening), _jsonb(sources)),
                        *(Jsonb(outcome), bool(citations), model),
                        *((prompt.name, prompt.hash) if prompt else (None, None)),
                        *(Jsonb(outcome.get("usage")), Jsonb(outcome.get("timings")), answer),
                    ],
                ),
                (
                    "update messages set status = %s, lease_until = null where id = %s",
                    [status, question],
                ),
                _insert_retrievals(answer, retrieved),
                *also,
                timeout=timeout,
            )
        except ForeignKeyViolation:  # the tenant is gone, and all that is its
            closed = []
        if not closed:
            raise NotFound("The session was deleted while its question was answered.")


def _jsonb(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value)


def _insert_retrievals(message: UUID, retrieved: Sequence[Source]) -> Statement:
    return (
        """insert into retrievals
               (tenant_id, message_id, rank, chunk_id, document_id, version, score)
           select m.tenant_id, m.id, r.* from messages m, unnest(
               %s::int[], %s::uuid[], %s::uuid[], %s::int[], %s::float8[]) as r
           where m.id = %s""",
        [
            list(range(1, len(retrieved) + 1)),
            [hit.chunk for hit in retrieved],
            [hit.document for hit in retrieved],
            [hit.version for hit in retrieved],
            [hit.score for hit in retrieved],
            message,
        ],
    )
