"""`GET /v1/usage`: what a tenant used, day by day."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from functions.chat.rendering import usage_json
from quire.domain import Caller
from quire.errors import Invalid
from quire.store.usage import UsageCounts
from quire.web import Authenticate

_MOST_DAYS = 366
_DAY = timedelta(days=1)
_DEFAULT = 29 * _DAY  # and the last one


def usage_routes(counts: UsageCounts, authenticate: Authenticate) -> APIRouter:
    router = APIRouter(tags=["usage"])

    @router.get("/v1/usage")
    async def usage(
        caller: Annotated[Caller, Depends(authenticate)],
        first: Annotated[date | None, Query(alias="from")] = None,
        last: Annotated[date | None, Query(alias="to")] = None,
    ) -> dict[str, Any]:
        begin, end = _days(first, last)
        daily = await counts.daily(caller.tenant, begin, end)
        return {"from": begin, "to": end, **usage_json(daily)}

    return router


def _days(first: date | None, last: date | None) -> tuple[date, date]:
    """The days that are meant, both included. Raises Invalid."""
    end = last or datetime.now(UTC).date()
    begin = first or max(end, date.min + _DEFAULT) - _DEFAULT
    if begin > end:
        raise Invalid("The first day comes after the last.", field="from")
    if end - begin >= _MOST_DAYS * _DAY:
        raise Invalid(f"{_MOST_DAYS} days at most.", field="from")
    return begin, end
