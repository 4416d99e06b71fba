"""A secret that is read again when a server refuses what it said, and as seldom as that allows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest

from local.provision import REGION, credentials
from local.stack import Stack
from quire.credentials import Credential, Shown
from quire.kept import Runtime
from tests.soak.wire import http_request

TOLD = {
    "database_url": "postgresql://quire_app:first@127.0.0.1/quire",
    "qdrant_url": "http://127.0.0.1:6333",
    "openai_api_key": "first",
}
NOBODY = "http://127.0.0.1:1"


class Key(Shown, httpx.Auth):
    pass


class Kept:
    """What whoever runs a stage puts into Secrets Manager."""

    def __init__(self, url: str) -> None:
        session = boto3.Session("local", "local", region_name=REGION)
        self._vault = session.client("secretsmanager", endpoint_url=url)
        self.name = f"kept-{uuid4().hex}"
        self._vault.create_secret(Name=self.name, SecretString=json.dumps(TOLD))

    def say(self, text: str | None = None, **changed: Any) -> None:
        text = json.dumps({**TOLD, **changed}) if text is None else text
        self._vault.put_secret_value(SecretId=self.name, SecretString=text)


@pytest.fixture
def kept(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Kept:
    for name, value in credentials(stack.configuration.aws_url).items():
        monkeypatch.setenv(name, value)
    return Kept(stack.configuration.aws_url)


def test_what_the_edge_showed_before_is_believed_until_it_is_taken_out(kept: Kept) -> None:
    kept.say(edge_key="new", former_edge_key="former")
    assert Runtime(kept.name).shown_by_edge == ["new", "former"]
    kept.say(edge_key="new")
    assert Runtime(kept.name).shown_by_edge == ["new"]
    kept.say()
    assert Runtime(kept.name).shown_by_edge == []


async def test_what_was_refused_is_read_again_and_what_was_not_stays(kept: Kept) -> None:
    runtime = Runtime(kept.name)
    database, openai, qdrant = runtime.database_url, runtime.openai_key, runtime.qdrant_key
    url = "postgresql://quire_app:second@127.0.0.1/quire"
    kept.say(database_url=url, openai_api_key="second", qdrant_api_key="the first")
    assert (database.value, openai.value, qdrant.value) == (TOLD["database_url"], "first", "")
    assert await openai.refused("first")
    assert (database.value, openai.value, qdrant.value) == (TOLD["database_url"], "second", "")
    # Others of the same process need no look of their own.
    kept.say()
    assert await database.refused(TOLD["database_url"])
    assert await qdrant.refused("")
    assert (database.value, qdrant.value) == (url, "the first")


async def test_the_fallbacks_key_is_one_of_them(kept: Kept) -> None:
    fallback = {"base_url": NOBODY, "api_key": "first", "model": "m", "dimensions": 2}
    kept.say(embedding_fallback=fallback)
    connected = Runtime(kept.name).models["fallback"]
    assert {**connected, "api_key": connected["api_key"].value} == fallback
    kept.say(embedding_fallback={**fallback, "api_key": "second"})
    assert await connected["api_key"].refused("first")
    assert connected["api_key"].value == "second"


async def test_who_was_refused_with_what_is_no_longer_shown_tries_at_once(kept: Kept) -> None:
    openai = Runtime(kept.name).openai_key
    kept.say(openai_api_key="second")
    assert await asyncio.gather(*(openai.refused("first") for _ in range(5))) == [True] * 5
    assert not await openai.refused("second")


@pytest.mark.parametrize("nonsense", ["{", "[]", "{}", '{"openai_api_key": 1}'])
async def test_what_cannot_be_understood_changes_nothing(kept: Kept, nonsense: str) -> None:
    openai = Runtime(kept.name).openai_key
    kept.say(nonsense)
    assert not await openai.refused("first")
    assert openai.value == "first"


async def test_what_cannot_be_read_changes_nothing_and_is_looked_at_seldom(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai = Runtime(kept.name).openai_key
    kept.say(openai_api_key="second")
    with monkeypatch.context() as lost:
        lost.setenv("AWS_ENDPOINT_URL", NOBODY)
        assert not await openai.refused("first")
    # It is there again, and looked at when ten seconds are over.
    assert not await openai.refused("first")
    assert openai.value == "first"


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Takes "second" alone, and keeps the requests that it saw."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while request := await http_request(reader, writer):
                seen.append(request)
                status = b"200 OK" if b"api-key: second\r\n" in request else b"403 Forbidden"
                writer.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", seen


@pytest.mark.parametrize(("renewed", "statuses"), [("second", [200, 200]), ("first", [403, 403])])
async def test_a_request_is_sent_twice_if_there_is_something_else_to_show(
    server: tuple[str, list[bytes]], renewed: str, statuses: list[int]
) -> None:
    async def renew() -> str:
        return renewed

    url, seen = server
    auth = Key(Credential("first", renew), header="api-key")
    async with httpx.AsyncClient(base_url=url, auth=auth, verify=False) as client:
        answers = [await client.post("/", json={"n": n}) for n in range(2)]
    assert [answer.status_code for answer in answers] == statuses
    assert [b'{"n":0}' in request for request in seen] == {
        200: [True, True, False],
        403: [True, False],
    }[statuses[0]]


async def test_without_a_key_none_is_shown(server: tuple[str, list[bytes]]) -> None:
    url, seen = server
    async with httpx.AsyncClient(auth=Key(Credential(""), header="api-key")) as client:
        assert (await client.get(url)).status_code == 403
    assert b"api-key" not in seen[0]
    assert len(seen) == 1
