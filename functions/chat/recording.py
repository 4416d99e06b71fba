"""What is kept of a turn: its beginning, its words while they come, its end, the cached answer."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from functions.chat.events import Outcome, Reason
from functions.chat.following import Follower, following
from functions.chat.outcomes import outcome_of, spent_on
from functions.chat.recalling import kept
from functions.chat.rendering import citation_json, opening_json, outcome_json, source_json
from functions.chat.telling import begin, looked_up, tell_end
from functions.chat.turn import Question, Turn, cache_key, new_id, title_of
from quire.domain import (
    Caller,
    Collection,
    FormerTurn,
    Message,
    OpenedTurn,
    Persona,
    Prices,
)
from quire.errors import Conflict, QuireError, Unavailable
from quire.laps import Laps
from quire.observability import log
from quire.store.answers import Answers
from quire.store.database import Statement
from quire.store.replays import Replays
from quire.store.turns import Turns
from quire.store.usage import UsageCounts
from quire.switches import Switchboard

HISTORY_MESSAGES = 12
_WRITTEN_SECONDS = 5
_SEED_BITS = 31  # what servers take


class Recorder:
    def __init__(
        self,
        turns: Turns,
        answers: Answers,
        replays: Replays,
        counts: UsageCounts,
        switches: Switchboard,
        *,
        prices: Prices,
        without_database: bool,
    ) -> None:
        """`without_database` allows turns of which nothing is kept while PostgreSQL is gone."""
        self._turns = turns
        self._answers = answers
        self._replays = replays
        self._counts = counts
        self._switches = switches
        self._prices = prices
        self._without_database = without_database
        self._collection: Collection | None = None

    async def open(self, caller: Caller, question: Question, *, model: str, until: float) -> Turn:
        """Begin a turn; a session that was asked for in vain is NotFound. Raises Unavailable."""
        laps = Laps()
        session = question.session or new_id()
        seed = secrets.randbits(_SEED_BITS)
        # What a follow-up asks is known only once it stands alone.
        key = None if question.session else cache_key(question.text, question, model=model)
        persisted, stores = True, self._switches.current.stores
        try:
            if not stores:
                persisted, opened = False, await self._turns.unkept(caller.tenant)
            else:
                opened = await self._turns.open(
                    caller,
                    question=Message(
                        id=question.id,
                        session=session,
                        role="user",
                        content=question.text,
                        created_at=datetime.now(UTC),
                    ),
                    answer=question.answer,
                    new_session=question.session is None,
                    title=title_of(question.text),
                    request=question.as_request(seed),
                    history=HISTORY_MESSAGES if question.session else 0,
                    cache_key=key,
                )
            self._collection = opened.collection
        except Unavailable:
            if not self._without_database or self._collection is None:
                raise
            log.warning("answering without a database")
            persisted, opened = False, _blindly(self._collection)
        turn = Turn(
            caller=caller,
            asked=question,
            session=session,
            question_id=question.id,
            message=question.answer,
            seed=seed,
            opened=opened,
            history=question.history if question.history is not None else opened.history,
            until=until,
            persisted=persisted,
            paid_only=not stores,
            degraded=[] if persisted else ["postgres" if stores else "persistence"],
            cached=opened.cached,
            laps=laps,
        )
        laps.mark("open")
        begin(turn)
        if persisted and key is not None:
            looked_up(found=turn.cached is not None)
        return turn

    async def reopen(
        self, caller: Caller, message: UUID, *, until: float
    ) -> tuple[FormerTurn, Turn]:
        """A turn that ended, and the same begun anew. Raises NotFound, Conflict, Unavailable."""
        former, opened = await self._replays.find(caller, message, history=HISTORY_MESSAGES)
        if former.status == "generating":
            raise Conflict("This answer is still being written.", retry_after=_WRITTEN_SECONDS)
        asked = Question.from_request(former.request, former.session)
        turn = Turn(
            caller=caller,
            asked=asked,
            session=former.session,
            question_id=new_id(),
            message=former.message,
            seed=former.request["seed"],
            opened=opened,
            history=asked.history if asked.history is not None else opened.history,
            until=until,
            persisted=False,
            paid_only=True,
        )
        begin(turn)
        return former, turn

    async def recall(self, turn: Turn, *, model: str) -> None:
        """Find the cached answer to a question of a session, if it stands alone by now."""
        alone = turn.persisted and "rewrite" not in turn.degraded
        key = cache_key(turn.question, turn.asked, model=model)
        if turn.asked.session is None or not alone or key is None:
            return
        seconds = turn.left(turn.words_until)
        try:
            turn.cached = await self._answers.find(turn.caller.tenant, key, timeout=seconds)
            looked_up(found=turn.cached is not None)
        except Unavailable as error:
            if not self.goes_without(turn, error):
                raise

    def goes_without(self, turn: Turn, error: Unavailable) -> bool:
        """Whether a turn goes on without PostgreSQL, if it is that which is gone; it says so."""
        if error.dependency != "postgres" or not self._without_database:
            return False
        log.warning("a turn goes on without a database", exc_info=error)
        if "postgres" not in turn.degraded:
            turn.degraded.append("postgres")
        return True

    def following(self, turn: Turn) -> AbstractAsyncContextManager[Follower]:
        """Keep the turn's words while they come."""
        return following(turn, self._turns)

    async def fail(self, turn: Turn, error: Exception) -> None:
        """End a turn that came to nothing."""
        outcome = {"event": "error"}
        if isinstance(error, Unavailable):
            outcome["dependency"] = error.dependency
        try:
            await self._close(turn, "failed", outcome)
        except QuireError as another:
            turn.persisted = False
            log.warning("a failed turn was not stored", exc_info=another)
        self._tell_failed(turn, error)

    async def close(self, turn: Turn, reason: Reason | None, *, model: str) -> Outcome:
        """End a turn: all of it is stored. Raises NotFound when its session is gone."""
        status = "incomplete" if reason else "complete"
        ending = {"event": "incomplete", "reason": reason} if reason else _COMPLETE
        shown = outcome_json(outcome_of(turn, reason, self._prices))
        also = [] if reason else kept(turn, model=model)
        try:
            await self._close(turn, status, {**ending, **shown}, also)
        except QuireError as error:
            turn.persisted = False
            if not (isinstance(error, Unavailable) and self.goes_without(turn, error)):
                self._tell_failed(turn, error)
                raise
        turn.laps.mark("close")
        outcome = outcome_of(turn, reason, self._prices)
        tell_end(turn, status, outcome, reason=reason)
        return outcome

    async def _close(
        self,
        turn: Turn,
        status: str,
        outcome: Mapping[str, Any],
        also: Sequence[Statement] = (),
    ) -> None:
        spent, sources = spent_on(turn, self._prices), turn.sources
        if turn.paid_only and not self._switches.current.read_only:
            await self._counts.add(turn.caller.tenant, *spent)
        if not turn.persisted:
            return
        await self._turns.close(
            turn.caller,
            question=turn.question_id,
            answer=turn.message,
            session=turn.session,
            status=status,
            content=turn.citer.text,
            citations=[citation_json(c) for c in turn.citer.citations],
            opening=opening_json(turn.question, turn.session, turn.message),
            # None where none were shown: then there is no event of them either.
            sources=None if sources is None else [source_json(source) for source in sources],
            outcome=outcome,
            model=turn.model,
            prompt=turn.prompt,
            retrieved=turn.hits,
            also=[*spent, *also],
            timeout=turn.left(turn.until),
        )

    def _tell_failed(self, turn: Turn, error: Exception) -> None:
        tell_end(turn, "failed", outcome_of(turn, None, self._prices), reason=type(error).__name__)


def _blindly(collection: Collection) -> OpenedTurn:
    """What a turn starts from without a database."""
    return OpenedTurn(
        collection=collection, history=(), persona=Persona(), generation=0, cached=None
    )


_COMPLETE = {"event": "response_complete"}
