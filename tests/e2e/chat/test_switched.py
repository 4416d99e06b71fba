"""Turns of a stage in which something is switched off."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from local.provision import REGION
from local.stack import Stack
from tests.e2e.chat.conftest import SWITCHES, Reader

Say = Callable[..., None]
QUESTION = {"question": "How often has the grease to be renewed?", "cache": False}


@pytest.fixture
def say(stack: Stack) -> Iterator[Say]:
    """What whoever runs the stage writes."""
    session = boto3.Session("local", "local", region_name=REGION)
    vault = session.client("secretsmanager", endpoint_url=stack.configuration.aws_url)

    def put(**told: Any) -> None:
        vault.put_secret_value(SecretId=SWITCHES, SecretString=json.dumps(told))

    yield put
    put()


async def ask(reader: Reader, **more: Any) -> dict[str, Any]:
    answer = await reader.client.post("/v1/chat", json={**QUESTION, **more})
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


async def requests(reader: Reader) -> tuple[int, float]:
    """How many were counted today, and the tokens that they took."""
    used = (await reader.client.get("/v1/usage")).json()["total"]
    return used["requests"], used["prompt_tokens"]


async def test_a_turn_that_is_not_to_be_kept_is_answered_and_paid_for(
    reader: Reader, say: Say
) -> None:
    reader.model.say("Every two thousand hours [1].")
    kept, before = await ask(reader), await requests(reader)
    assert kept["persisted"]
    say(persistence=False)
    told = await ask(reader, session_id=kept["session_id"])
    assert (told["answer"], told["sources"]) == (kept["answer"], kept["sources"])
    assert (told["persisted"], told["degraded"]) == (False, ["persistence"])
    after = await requests(reader)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1_000)
    session = await reader.client.get(f"/v1/sessions/{kept['session_id']}/messages")
    assert len(session.json()["data"]) == 2
    say()
    assert (await ask(reader))["persisted"]


async def test_a_turn_that_is_not_to_be_kept_has_its_tenants_persona(
    reader: Reader, say: Say
) -> None:
    words = {"name": "Gearbox", "instructions": "Speak in rhyme."}
    (await reader.client.put("/v1/admin/persona", json=words)).raise_for_status()
    say(persistence=False)
    assert not (await ask(reader))["persisted"]
    system = reader.model.asked[-1]["messages"][0]["content"]
    assert system.startswith("You are Gearbox.\n\nSpeak in rhyme.")


async def test_no_passage_is_made_up_where_that_is_switched_off(reader: Reader, say: Say) -> None:
    assert (await ask(reader, hyde="always"))["hyde"]
    say(hyde=False)
    assert not (await ask(reader, hyde="always"))["hyde"]
    assert len(reader.model.imagined) == 1
