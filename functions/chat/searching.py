"""What a turn finds, and no answer to it: over in time, and what it took counted, as a turn is."""

from collections.abc import Callable

from functions.chat.finding import Finder, Found, Hyde
from functions.chat.following import in_time
from functions.chat.outcomes import spent
from functions.chat.telling import measure_spent
from quire.domain import Caller, Collection, Prices
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
        with timed(Metric.RETRIEVE_TIME):
            found = await self._finder.find(wanted(collection), hyde=hyde)
        if "hypothesis" in found.timings:
            measure(Metric.HYPOTHESIS_TIME, found.timings["hypothesis"])
        measure_spent(found.usage, self._prices.cost(found.usage), model=found.model)
        written, embedded = found.usage.split()
        used = spent(
            caller.tenant, self._prices, (collection.model, embedded), (found.model, written)
        )
        if not self._switches.current.read_only:
            await self._counts.add(caller.tenant, *used)
        return found
