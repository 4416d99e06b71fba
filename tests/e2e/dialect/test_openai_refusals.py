"""What is refused, in the errors that OpenAI's clients know."""

from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from tests.conftest import Tenant
from tests.e2e.behind import Owner
from tests.e2e.dialect.conftest import ASKED

PATH = "/v1/chat/completions"


async def test_there_is_one_model(sdk: AsyncOpenAI) -> None:
    assert [model.id async for model in sdk.models.list()] == ["quire"]
    assert (await sdk.models.retrieve("quire")).owned_by == "quire"
    with pytest.raises(openai.NotFoundError) as unknown:
        await sdk.models.retrieve("gpt-6-luna")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError) as unknown:
        await sdk.chat.completions.create(**ASKED | {"model": "gpt-6-luna"})
    assert unknown.value.code == "model_not_found"


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_is_refused_is_named(sdk: AsyncOpenAI, streamed: bool) -> None:
    for more, param, code in (
        ({"tools": []}, "tools", "unsupported_parameter"),
        ({"temperature": 1.5}, "temperature", "invalid_value"),
        ({"messages": []}, "messages", "invalid_value"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0].type",
            "invalid_value",
        ),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            await sdk.chat.completions.create(**ASKED | more, stream=streamed)
        assert (refused.value.param, refused.value.code) == (param, code)
        assert refused.value.type == "invalid_request_error"
        assert refused.value.request_id
    with pytest.raises(openai.NotFoundError):
        await sdk.chat.completions.create(
            **ASKED, stream=streamed, extra_body={"quire": {"session_id": "nope"}}
        )


async def test_who_asks_has_to_be_known(sdk: AsyncOpenAI, make_tenant: Any) -> None:
    stranger = sdk.with_options(api_key="wrong")
    with pytest.raises(openai.AuthenticationError) as refused:
        await stranger.chat.completions.create(**ASKED)
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(openai.AuthenticationError):
        await stranger.models.list()
    keeper = await make_tenant(scopes=("ingest",))
    with pytest.raises(openai.PermissionDeniedError):
        await sdk.with_options(api_key=keeper.key).chat.completions.create(**ASKED)


async def test_a_user_can_be_named_in_the_body(
    sdk: AsyncOpenAI, client: httpx.AsyncClient, tenant: Tenant
) -> None:
    completion = await sdk.chat.completions.create(**ASKED, user="ada")
    session = f"/v1/sessions/{(completion.model_extra or {})['quire']['session_id']}"
    assert (await client.get(session, headers=tenant.headers("ada"))).status_code == 200
    assert (await client.get(session)).status_code == 404
    header = {"Quire-User": "ada"}
    await sdk.chat.completions.create(**ASKED, user="ada", extra_headers=header)
    for user, headers in (("bob", header), ("", {}), ("Jörg", {})):
        with pytest.raises(openai.BadRequestError) as refused:
            await sdk.chat.completions.create(**ASKED, user=user, extra_headers=headers)
        assert refused.value.param == "user"


async def test_not_every_key_speaks_for_users(
    sdk: AsyncOpenAI, tenant: Tenant, owner: Owner
) -> None:
    await owner.execute(
        "update api_keys set speaks_for_users = false where tenant_id = %s", [tenant.id]
    )
    with pytest.raises(openai.PermissionDeniedError) as refused:
        await sdk.chat.completions.create(**ASKED, user="ada")
    assert refused.value.param == "user"


async def test_every_refusal_has_openais_shape(url: str, tenant: Tenant) -> None:
    json_type = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=url, headers=tenant.headers(), timeout=40) as raw:
        answers = {
            400: await raw.post(PATH, content=b"{", headers=json_type),
            404: await raw.get("/v1/models/nope/nothing"),
            405: await raw.delete("/v1/models"),
            413: await raw.post(PATH, json={**ASKED, "user": "x" * 70_000}),
            415: await raw.post(PATH, content=b"hello", headers={"Content-Type": "text/plain"}),
        }
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
