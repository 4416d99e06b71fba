"""Cached answers: of one corpus, found in one index."""

import pytest

from quire.store.answers import Answers, keep_answer
from quire.store.collections import Collections
from quire.store.database import Database


@pytest.mark.parametrize("switched", [False, True])
async def test_an_answer_goes_with_the_index_it_was_found_in(
    database: Database, tenant: str, switched: bool
) -> None:
    key = bytes(32)
    found_in = "the-former" if switched else (await Collections(database).live()).name
    await database.run(tenant, keep_answer(tenant, key, 0, found_in, {"answer": "Yes."}))
    found = await Answers(database).find(tenant, key, timeout=5)
    assert (found is None) == switched
