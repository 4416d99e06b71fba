"""What is answered again, and what is tried again."""

from collections.abc import AsyncIterator

import httpx
import pytest

from quire.web.idempotency import MOST_KEPT
from tests.integration.idempotency.conftest import MAX_BODY, Counted


async def test_an_answer_is_given_again_as_it_was(
    client: httpx.AsyncClient, counted: Counted
) -> None:
    first, again = await client.post("/made"), await client.post("/made")
    assert counted.calls == 1
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again.headers["location"] == "/made/1"
    assert again.headers["content-type"] == "application/json"
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


async def test_without_a_key_and_beside_posts_nothing_is_kept(
    client: httpx.AsyncClient, counted: Counted
) -> None:
    await client.put("/made")
    await client.put("/made")
    del client.headers["Idempotency-Key"]
    await client.post("/made")
    await client.post("/made")
    assert counted.calls == 4


async def test_what_may_succeed_later_is_not_kept(
    client: httpx.AsyncClient, counted: Counted
) -> None:
    for _ in range(2):
        assert (await client.post("/busy")).status_code == 409
    assert counted.calls == 2
    counted.fails = True
    failed = await client.post("/failing")
    assert failed.status_code == failed.json()["status"] == 500
    assert failed.headers["x-request-id"] == failed.json()["request_id"]
    counted.fails = False
    again = await client.post("/failing")
    assert (again.status_code, again.json()) == (201, {"made": 4})


async def test_a_refusal_is_kept(client: httpx.AsyncClient, counted: Counted) -> None:
    for _ in range(2):
        answer = await client.post("/missing")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert counted.calls == 1


@pytest.mark.parametrize("path", [f"/large?length={MOST_KEPT + 1}", "/secret", "/gone"])
async def test_an_answer_that_is_not_kept_is_not_found_again(
    client: httpx.AsyncClient, counted: Counted, path: str
) -> None:
    first = await client.post(path)
    assert first.is_success
    again = await client.post(path)
    assert again.status_code == 409
    assert "retry-after" not in again.headers
    assert "not kept" in again.json()["detail"]
    assert counted.calls == 1


async def test_the_largest_answer_is_kept(client: httpx.AsyncClient, counted: Counted) -> None:
    await client.post(f"/large?length={MOST_KEPT}")
    again = await client.post(f"/large?length={MOST_KEPT}")
    assert len(again.content) == MOST_KEPT
    assert counted.calls == 1


async def test_a_stream_is_kept_whole(client: httpx.AsyncClient, counted: Counted) -> None:
    counted.gate.set()
    first, again = await client.post("/stream"), await client.post("/stream")
    assert first.content == again.content == b"piece 0\npiece 1\npiece 2\n"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert counted.calls == 1


async def test_a_body_without_a_length_is_bounded(client: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x" * MAX_BODY
        yield b"x"

    json = {"Content-Type": "application/json"}
    answer = await client.post("/made", content=body(), headers=json)
    assert answer.status_code == 413
