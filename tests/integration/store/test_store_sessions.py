"""A session as a whole: read where it is not too large, and else not at all."""

from uuid import uuid4

import pytest

from quire.domain import Caller
from quire.errors import TooLarge
from quire.store.database import Database
from quire.store.sessions import Sessions

WORDS, CITATIONS = "Gétriebe.", '[{"index": 1}]'
OCTETS = len(WORDS.encode()) + len(CITATIONS)


async def test_what_is_too_large_is_not_read(database: Database, tenant: str) -> None:
    caller, session = Caller(tenant, "ada", frozenset(), None), uuid4()
    sessions = Sessions(database)
    await sessions.create(caller, session, title=None, metadata={})
    assert (await sessions.whole(caller, session, most=0, touch=True))[1] == []
    message = (
        """insert into messages (tenant_id, id, session_id, role, content, citations, status)
           values (%s, gen_random_uuid(), %s, 'assistant', %s, %s, 'complete')""",
        [tenant, session, WORDS, CITATIONS],
    )
    await database.run(tenant, message, message)
    for touch in (False, True):
        found, messages = await sessions.whole(caller, session, most=2 * OCTETS, touch=touch)
        assert (found.message_count, [m.content for m in messages]) == (2, [WORDS, WORDS])
        with pytest.raises(TooLarge, match="list its messages"):
            await sessions.whole(caller, session, most=2 * OCTETS - 1, touch=touch)
