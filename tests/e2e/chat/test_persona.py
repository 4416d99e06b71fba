"""A tenant's own words to the model, and the answers that were given under others."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.conftest import Tenant
from tests.e2e.chat.conftest import Reader
from tests.e2e.test_turn import ask

PERSONA = "/v1/admin/persona"
QUESTION = "Why do robot joints use a harmonic drive?"
NONE = {"name": None, "instructions": None, "refusal": None}


async def test_a_persona_is_heard_by_the_model(reader: Reader) -> None:
    assert (await reader.client.get(PERSONA)).json() == NONE
    words = {"name": "Gearbox", "instructions": "Speak in rhyme.", "refusal": "I cannot say."}
    stored = await reader.client.put(PERSONA, json=words)
    assert (stored.status_code, stored.json()) == (200, words)
    assert (await reader.client.get(PERSONA)).json() == words
    await ask(reader.client, QUESTION)
    system = reader.model.asked[-1]["messages"][0]["content"]
    assert system.startswith("You are Gearbox.\n\nSpeak in rhyme.")
    assert "I cannot say." in system
    cleared = await reader.client.put(PERSONA, json={"instructions": None})
    assert cleared.json() == NONE
    await ask(reader.client, QUESTION)
    assert "Gearbox" not in reader.model.prompts[-1]


async def test_answers_under_another_persona_are_not_recalled(reader: Reader) -> None:
    reader.model.say("In prose [1.1].")
    first, second = await ask(reader.client, QUESTION), await ask(reader.client, QUESTION)
    assert (first["cached"], second["cached"]) == (False, True)
    await reader.client.put(PERSONA, json={"instructions": "Speak in rhyme."})
    reader.model.say("In rhyme [1.1].")
    third = await ask(reader.client, QUESTION)
    assert not third["cached"]
    assert "rhyme" in third["answer"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x" * 81},
        {"instructions": "x" * 4001},
        {"refusal": "x" * 501},
        {"name": ""},
        {"name": "a\0b"},
        {"tone": "kind"},
    ],
)
async def test_a_persona_is_bounded(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert (await client.put(PERSONA, json=body)).status_code == 422
    assert (await client.get(PERSONA)).json() == NONE


async def test_a_persona_is_the_administrators(
    client: httpx.AsyncClient, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    asker = (await make_tenant(scopes=("ask",))).headers()
    assert (await client.get(PERSONA, headers=asker)).status_code == 403
    assert (await client.put(PERSONA, json={"name": "x"}, headers=asker)).status_code == 403
