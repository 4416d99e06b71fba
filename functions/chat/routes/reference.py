"""`/openapi.json` and `/docs`: the API of all functions, for programs and for people."""

from pathlib import Path

import aws_lambda_powertools
from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

# Written by `make openapi`: nothing of it is put together while somebody waits.
_DOCUMENT = Path(__file__).parents[1] / "openapi.json"
# The page's own code is in the layer already, so that none has to come from strangers.
_SWAGGER = Path(aws_lambda_powertools.__file__).parent / "event_handler/openapi/swagger_ui"


def reference_routes() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def document() -> FileResponse:
        return FileResponse(_DOCUMENT, media_type="application/json")

    @router.get("/docs")
    async def page() -> HTMLResponse:
        return get_swagger_ui_html(
            title="Quire",
            openapi_url="openapi.json",
            swagger_js_url="docs/swagger-ui.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="data:,",
        )

    @router.get("/docs/swagger-ui.js")
    async def script() -> FileResponse:
        return FileResponse(_SWAGGER / "swagger-ui-bundle.min.js", media_type="text/javascript")

    @router.get("/docs/swagger-ui.css")
    async def style() -> FileResponse:
        return FileResponse(_SWAGGER / "swagger-ui.min.css", media_type="text/css")

    return router
