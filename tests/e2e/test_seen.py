"""What is seen from outside of turns and documents: lines with ids, every metric, one trace."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from functions.ingest.composition import Ingestion
from functions.ingest.invocation import Invocation
from functions.ingest.messages import Upload
from local.stack import Stack
from quire.breaker import Breaker
from quire.errors import Unavailable
from quire.metrics import Metric, measuring, taken
from quire.object_keys import upload_key
from quire.store.database import Database
from tests.conftest import Tenant
from tests.e2e.behind import Owner
from tests.e2e.conftest import deliver, eventually, finished, put

if TYPE_CHECKING:
    pass

Line = dict[str, Any]
Lines = Callable[..., list[Line]]

QUESTION = "How does the heron machine keep its balance?"
TEXT = "# Herons\n\nThe heron machine keeps its balance by standing on one leg at a time."
# Nothing of what is asked, uploaded or answered.
CONTENT = ("heron", "Heron", "one leg")


@pytest.fixture
def lines(stack: Stack) -> Lines:
    """The functions' lines of that kind and with those fields, since the test began."""
    logs = stack.configuration.state / "logs"
    before = {path: path.stat().st_size for path in logs.glob("*.log")}

    def find(message: str | None = None, **fields: object) -> list[Line]:
        found = []
        for path in logs.glob("*.log"):
            with path.open("rb") as log:
                log.seek(before.get(path, 0))
                found += [json.loads(line) for line in log if line.startswith(b"{")]
        return [
            line
            for line in found
            if message in (None, line["message"]) and fields.items() <= line.items()
        ]

    return find


async def line(lines: Lines, message: str, **fields: object) -> Line:
    """The one that is written before long."""

    async def there() -> bool:
        return bool(lines(message, **fields))

    await eventually(there, seconds=20)
    (found,) = lines(message, **fields)
    return found


def traced(digit: str) -> tuple[str, dict[str, str]]:
    """An id as X-Ray writes it, and the headers of a caller who brings it."""
    headers = {"traceparent": f"00-{digit * 32}-{'1' * 16}-01"}
    return f"1-{digit * 8}-{digit * 24}", headers


def emitted(found: list[Line]) -> dict[str, set[tuple[str, ...]]]:
    """The metrics in the lines, each with its dimensions; the format is CloudWatch's."""
    metrics: dict[str, set[tuple[str, ...]]] = {}
    for one in found:
        for directive in one.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "Quire"
            for metric in directive["Metrics"]:
                (dimensions,) = directive["Dimensions"]
                assert all(isinstance(one[name], str) for name in dimensions)
                assert all(isinstance(value, float | int) for value in one[metric["Name"]])
                metrics.setdefault(metric["Name"], set()).add((metric["Unit"], *dimensions))
    return metrics


async def test_a_turn_is_one_line(client: httpx.AsyncClient, tenant: Tenant, lines: Lines) -> None:
    await put(client, "herons.md", TEXT)
    trace, headers = traced("a")
    answered = await client.post("/v1/chat", json={"question": QUESTION}, headers=headers)
    answer = answered.raise_for_status().json()
    told = await line(lines, "turn", message_id=answer["message_id"])
    assert (told["service"], told["status"], told["cached"]) == ("chat", "complete", False)
    assert (told["tenant"], told["session_id"]) == (tenant.id, answer["session_id"])
    assert (told["trace_id"], told["request_id"]) == (trace, answered.headers["x-request-id"])
    assert (told["timings"], told["grounded"]) == (answer["timings"], answer["grounded"])
    for count, value in answer["usage"].items():
        assert told[count] == value
    assert told["Dollars"] == [pytest.approx(answer["usage"]["cost_usd"], abs=1e-6)]
    assert told["CitationsVerified"] == [len(answer["citations"])]
    assert 0 < told["FirstTokenTime"][0] < told["TurnTime"][0] == told["ms"]
    request = await line(lines, "request", request_id=told["request_id"])
    assert (request["trace_id"], request["message_id"]) == (trace, answer["message_id"])
    assert (request["route"], request["status"], request["ServerErrors"]) == ("/v1/chat", 200, [0])


async def test_turns_at_once_keep_their_ids_apart(
    stack: Stack, make_tenant: Callable[..., Awaitable[Tenant]], lines: Lines
) -> None:
    """One process, one loop: what is bound belongs to the task."""
    tenants = [await make_tenant() for _ in range(6)]
    url = f"http://127.0.0.1:{stack.configuration.stream_port}"
    async with httpx.AsyncClient(base_url=url, timeout=40) as asking:
        answers = await asyncio.gather(
            *(
                asking.post("/v1/chat", json={"question": QUESTION}, headers=tenant.headers())
                for tenant in tenants
            )
        )
    for tenant, answer in zip(tenants, answers, strict=True):
        ids = answer.raise_for_status().json()
        told = await line(lines, "turn", message_id=ids["message_id"])
        assert (told["tenant"], told["session_id"]) == (tenant.id, ids["session_id"])
        assert told["request_id"] == answer.headers["x-request-id"]
        assert told["service"] == "chat-stream"
        assert len(told["TurnTime"]) == len(told["OpenTime"]) == 1


async def test_a_trace_goes_from_a_request_to_the_last_worker(
    client: httpx.AsyncClient, tenant: Tenant, lines: Lines
) -> None:
    document = (await put(client, "herons.md", TEXT))["id"]
    again, headers = traced("b")
    path = f"/v1/documents/{document}"
    assert (await client.post(f"{path}/reingest", headers=headers)).status_code == 202
    read = await line(lines, "document", trace_id=again)
    assert (read["tenant"], read["document_id"], read["outcome"]) == (tenant.id, document, "ready")
    assert (read["chunks"], read["done"], read["hop"]) == (1, 1, 0)
    assert set(read["timings"]) == {"read", "index"}
    gone, headers = traced("c")
    job = await client.delete(path, headers=headers)
    await finished(client, job)
    ended = await line(lines, "job", trace_id=gone, ended=True)
    assert (ended["kind"], ended["job_id"]) == ("delete", job.json()["job_id"])
    # S3 brings none: there the document's id is the link.
    assert {one["message"] for one in lines(document_id=document)} >= {"request", "document"}


@asynccontextmanager
async def unheard_of(owner: Owner, tenant: Tenant) -> AsyncIterator[dict[str, str]]:
    """A job of a kind that there is not: nobody can do it."""
    job = str(uuid4())
    await owner.execute(
        "insert into jobs (tenant_id, id, kind, status) values (%s, %s, 'none', 'queued')",
        [tenant.id, job],
    )
    yield {"tenant": tenant.id, "id": job}
    await owner.execute("delete from jobs where id = %s", [job])


@contextmanager
def here(found: dict[str, set[tuple[str, ...]]]) -> Iterator[None]:
    with measuring():
        yield
        for metric, _ in taken():
            dimension = (metric.dimension,) if metric.dimension else ()
            found.setdefault(metric.title, {(metric.unit.value, "service", *dimension)})


async def test_every_metric_is_emitted_and_no_other(
    stack: Stack,
    client: httpx.AsyncClient,
    tenant: Tenant,
    parts: Ingestion,
    owner: Owner,
    lines: Lines,
) -> None:
    await put(client, "herons.md", TEXT)
    await put(client, "herons.pdf", "This is none.")
    first = (await client.post("/v1/chat", json={"question": QUESTION})).json()
    cached = (await client.post("/v1/chat", json={"question": QUESTION})).json()
    assert cached["cached"]
    follow_up = {"question": "And why?", "session_id": first["session_id"], "hyde": "always"}
    assert (await client.post("/v1/chat", json=follow_up)).status_code == 200
    assert await deliver(stack, "ingest", "no message") == []
    async with unheard_of(owner, tenant) as job:
        assert await deliver(stack, "maintenance", {"job": job}) == ["0"]
    found = emitted(lines())
    # What a laptop that is well does not do.
    with here(found):
        upload = Upload(key=upload_key(tenant.id, "late.md"))
        await parts.objects.put(
            upload.key, TEXT.encode(), content_type="text/markdown", metadata={}
        )
        over = Invocation(began=0, until=time.monotonic(), end=time.monotonic() + 9)
        assert await parts.pipeline.ingest([upload], over) == [None]
        breaker = Breaker("qdrant", failures=1)
        with pytest.raises(Unavailable), breaker.guard():
            raise Unavailable("qdrant")
        database = Database(stack.app_url)
        await database.run(tenant.id, ("select pg_sleep(0.51)", []))
        await database.close()
    table = {
        metric.title: {(metric.unit.value, "service", *filter(None, [metric.dimension]))}
        for metric in set(Metric) - {Metric.MESSAGES_HELD}  # a switch's: unit/ingest/test_batch.py
    }
    assert found == table
    assert not [word for word in CONTENT if word in json.dumps(lines())]
