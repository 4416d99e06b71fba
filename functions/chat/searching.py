"""What a turn finds, and no answer to it: over in time, and what it took counted, as a turn is."""

from collections.abc import Callable

from functions.chat.finding import Finder, Found, Hyde
from functions.chat.following import in_time
from functions.chat.outcomes import spent
from functions.chat.telling import measure_spent
from quire.domain import Caller, Collection, Prices, Usage
from quire.errors import Late
from quire.metrics import Metric, measure, timed
from quire.retrieval.retriever import Search
from quire.store.collections import Collections
from quire.store.usage import UsageCounts
from quire.switches import Switchboard


class Searching:
    def __init__(
        self,
        finder: Finder,
        collections: Collections,
        counts: UsageCounts,
        switches: Switchboard,
        *,
        prices: Prices,
    ) -> None:
        self._finder = finder
        self._collections = collections
        self._counts = counts
        self._switches = switches
        self._prices = prices

    async def find(
        self, caller: Caller, wanted: Callable[[Collection], Search], *, hyde: Hyde, until: float
    ) -> Found:
        """What is `wanted` of the live collection. Raises Unavailable; Late at `until`, in the
        loop's time.
        """
        try:
            return await in_time(self._find(caller, wanted, hyde), until)
        except TimeoutError:
            raise Late from None

    async def _find(
        self, caller: Caller, wanted: Callable[[Collection], Search], hyde: Hyde
    ) -> Found:
        collection = await self._collections.live()
        took: list[Usage] = []
        try:
            with timed(Metric.RETRIEVE_TIME):
                found = await self._finder.find(wanted(collection), hyde=hyde, book=took.append)
        finally:
            if took:
                await self._count(caller, collection, sum(took, Usage()))
        if "hypothesis" in found.timings:
            measure(Metric.HYPOTHESIS_TIME, found.timings["hypothesis"])
        return found

    async def _count(self, caller: Caller, collection: Collection, took: Usage) -> None:
        """What was paid for, also when nothing came of it."""
        written, embedded = took.split()
        measure_spent(took, self._prices.cost(took), model=self._finder.model)
        if not self._switches.current.read_only:
            used = spent(
                caller.tenant,
                self._prices,
                (collection.model, embedded),
                (self._finder.model, written),
            )
            await self._counts.add(caller.tenant, *used)
