"""Cached answers: of one corpus, found in one index."""

from uuid import uuid4

import pytest

from quire.domain import Caller
from quire.store.answers import Answers, keep_answer
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.sessions import Sessions


@pytest.mark.parametrize("switched", [False, True])
async def test_an_answer_goes_with_the_index_it_was_found_in(
    database: Database, tenant: str, switched: bool
) -> None:
    key = bytes(32)
    found_in = "the-former" if switched else (await Collections(database).live()).name
    caller, session, message = Caller(tenant, "ada", frozenset(), None), uuid4(), uuid4()
    await Sessions(database).create(caller, session, title=None, metadata={})
    await database.run(
        tenant,
        (
            """insert into messages (tenant_id, id, session_id, role, content, status)
               values (%s, %s, %s, 'assistant', 'Yes.', 'complete')""",
            [tenant, message, session],
        ),
        keep_answer(message, key, 0, found_in, {"answer": "Yes."}),
    )
    found = await Answers(database).find(tenant, key, timeout=5)
    assert (found is None) == switched
