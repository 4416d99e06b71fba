"""An answered turn, and what it would start from if it were asked again now."""

from uuid import UUID

from quire.domain import Caller, FormerTurn, Message, OpenedTurn
from quire.store.collections import LIVE, to_collection
from quire.store.database import Database
from quire.store.messages import MINE, one_message
from quire.store.personas import PERSONA, to_persona
from quire.store.sessions import MESSAGE, MESSAGE_STATUS


class Replays:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, caller: Caller, message: UUID, *, history: int
    ) -> tuple[FormerTurn, OpenedTurn]:
        """With up to `history` of the messages before it, oldest first. Raises NotFound."""
        former, live, persona, earlier = await self._database.run(
            caller.tenant,
            (
                f"""select id as message, session_id as session, {MESSAGE_STATUS} as status,
                           request, content, citations, sources, model, prompt_hash
                    from messages
                    where id = %s and role = 'assistant' and session_id in {MINE}""",
                [message, caller.user],
            ),
            LIVE,
            PERSONA,
            (
                f"""with asked as (
                        select q.session_id, q.id from messages q, messages a
                        where a.id = %s and q.session_id = a.session_id
                          and q.role = 'user' and q.id < a.id
                        order by q.id desc limit 1
                    ), newest as (
                        select {MESSAGE} from messages
                        where session_id = (select session_id from asked)
                          and id < (select id from asked) and status in ('complete', 'incomplete')
                        order by id desc limit %s
                    )
                    select * from newest order by id""",
                [message, history],
            ),
        )
        return FormerTurn(**one_message(former)), OpenedTurn(
            collection=to_collection(live),
            history=[Message(**row) for row in earlier],
            persona=to_persona(persona),
            generation=0,  # it counts for the cache only, which a replay neither reads nor fills
            cached=None,
        )
