"""`/v1/admin/persona`: a tenant's own words to the model."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import StringConstraints

from functions.chat.rendering import persona_json
from quire.domain import Caller, Persona
from quire.store.personas import Personas
from quire.web import Authenticate, Body, InALine, Storable


def _words(most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most)


class PersonaBody(Body):
    """All of it: what is left out is cleared."""

    name: Annotated[str, _words(80), Storable, InALine] | None = None
    instructions: Annotated[str, _words(4000), Storable] | None = None
    refusal: Annotated[str, _words(500), Storable] | None = None


def persona_routes(personas: Personas, authenticate: Authenticate) -> APIRouter:
    router = APIRouter(prefix="/v1/admin/persona", tags=["administration"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.get("")
    async def show(caller: Authenticated) -> dict[str, Any]:
        return persona_json(await personas.get(caller.tenant))

    @router.put("")
    async def put(body: PersonaBody, caller: Authenticated) -> dict[str, Any]:
        persona = Persona(**body.model_dump())
        await personas.put(caller.tenant, persona)
        return persona_json(persona)

    return router
