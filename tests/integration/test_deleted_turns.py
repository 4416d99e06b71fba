"""A session that is deleted while its question is answered, or its answer rated: the turn is paid
for, and told of.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import psycopg
import pytest

from functions.chat.prompting import answer_prompt
from functions.chat.recording import Recorder
from functions.chat.turn import Question, Turn
from local.stack import Stack
from quire.domain import Caller, Persona, Prices, Source, Usage
from quire.errors import NotFound
from quire.metrics import measuring
from quire.store.answers import Answers
from quire.store.database import Database
from quire.store.messages import Messages
from quire.store.replays import Replays
from quire.store.sessions import Sessions
from quire.store.turns import Turns
from quire.store.usage import UsageCounts
from quire.switches import Switchboard
from tests.conftest import Tenant

Owner = psycopg.AsyncConnection[tuple[object, ...]]
HIT = Source(
    index=1,
    text="Two.",
    start=0,
    end=4,
    score=0.5,
    title="One",
    chunk=uuid4(),
    document=uuid4(),
    version=1,
)


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    pool = Database(stack.app_url)
    yield pool
    await pool.close()


@pytest.fixture
def recorder(database: Database) -> Recorder:
    return Recorder(
        Turns(database),
        Answers(database),
        Replays(database),
        UsageCounts(database),
        Switchboard(None, seconds=1),
        prices=Prices(),
        without_database=True,
    )


async def begun(recorder: Recorder, caller: Caller, *, found: bool) -> Turn:
    """A turn that has but to be closed, and whose answer is good for the cache if any was."""
    until = asyncio.get_running_loop().time() + 30
    turn = await recorder.open(caller, Question(text="Why?"), model="m", until=until)
    turn.prompt = answer_prompt("Why?", [], [], persona=Persona(), instructions="")
    turn.hits = [HIT] if found else []
    turn.usage += Usage(prompt_tokens=1_000, completion_tokens=30)
    turn.model = "m"
    return turn


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("found", [False, True])
async def test_what_it_took_counts_once_and_nothing_else_is_kept(
    recorder: Recorder,
    database: Database,
    owner: Owner,
    make_tenant: Callable[..., Awaitable[Tenant]],
    caplog: pytest.LogCaptureFixture,
    found: bool,
    fails: bool,
) -> None:
    tenant = (await make_tenant()).id
    caller = Caller(tenant, "ada", frozenset(["ask"]), uuid4())
    turn = await begun(recorder, caller, found=found)
    await Sessions(database).delete(caller, turn.session)
    with measuring(), caplog.at_level("INFO"):
        if fails:
            await recorder.fail(turn, ValueError())
        else:
            with pytest.raises(NotFound):
                await recorder.close(turn, None, model="m")
    used = await owner.execute(
        "select requests, prompt_tokens, completion_tokens from usage where tenant_id = %s",
        [tenant],
    )
    assert await used.fetchall() == [(1, 1_000, 30)]
    (line,) = [vars(record) for record in caplog.records if record.message == "turn"]
    told = (line["status"], line["reason"], line["persisted"], line["prompt_tokens"])
    assert told == ("failed", "ValueError" if fails else "NotFound", False, 1_000)
    assert (line["TurnsFailed"], line["TurnsComplete"]) == ([1], [0])
    for table in ("messages", "retrievals", "answer_cache"):
        left = await owner.execute(f"select 1 from {table} where tenant_id = %s", [tenant])
        assert not await left.fetchall(), table


async def test_who_rates_an_answer_that_is_being_deleted_is_told_that_there_is_none(
    recorder: Recorder,
    database: Database,
    owner: Owner,
    make_tenant: Callable[..., Awaitable[Tenant]],
) -> None:
    caller = Caller((await make_tenant()).id, "ada", frozenset(["ask"]), uuid4())
    turn = await begun(recorder, caller, found=False)
    async with owner.transaction():
        await owner.execute("delete from sessions where id = %s", [turn.session])
        rated = asyncio.create_task(
            Messages(database).rate(caller, turn.message, rating="up", comment=None)
        )
        while not await has_waiting(owner):
            await asyncio.sleep(0.01)
    with pytest.raises(NotFound):
        await rated


async def test_who_ends_a_turn_and_who_deletes_it_do_not_wait_for_each_other(
    recorder: Recorder, owner: Owner, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    """Either holds the session first, and nothing else before."""
    caller = Caller((await make_tenant()).id, "ada", frozenset(["ask"]), uuid4())
    turn = await begun(recorder, caller, found=True)
    async with owner.transaction():
        await owner.execute("select from sessions where id = %s for update", [turn.session])
        closed = asyncio.create_task(recorder.close(turn, None, model="m"))
        while not await has_waiting(owner):
            await asyncio.sleep(0.01)
        messages = "select from messages where session_id = %s for update nowait"
        assert (await owner.execute(messages, [turn.session])).rowcount == 2
        await owner.execute("delete from sessions where id = %s", [turn.session])
    with pytest.raises(NotFound):
        await closed


async def has_waiting(owner: Owner) -> bool:
    """Whether somebody waits for what this transaction has changed."""
    waiting = await owner.execute(
        """select from pg_locks
           where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"""
    )
    return bool(await waiting.fetchall())
