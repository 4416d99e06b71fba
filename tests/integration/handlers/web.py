"""A FastAPI app under Mangum, as Quire's HTTP functions are."""

from typing import Annotated, Any

from fastapi import Cookie, FastAPI, Request, Response

from quire.web.gateway import handler_of

app = FastAPI()


@app.post("/v1/documents/{name}/text")
async def upload(
    name: str, request: Request, response: Response, who: Annotated[str, Cookie()]
) -> dict[str, Any]:
    """What of the request arrived."""
    response.set_cookie("seen", "yes")
    return {
        "name": name,
        "who": who,
        "tags": request.query_params.getlist("tag"),
        "length": len(await request.body()),
        "seen": request.client and request.client.host,
    }


@app.delete("/v1/admin/users/{user_id:path}")
async def erase(user_id: str) -> str:
    return user_id


handler = handler_of(app)
