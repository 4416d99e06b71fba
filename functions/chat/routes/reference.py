"""`/openapi.json` and `/docs`: the API of all functions, for programs and for people."""

import base64
import hashlib
from pathlib import Path

import aws_lambda_powertools
from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

# Written by `make openapi`: nothing of it is put together while somebody waits.
_DOCUMENT = Path(__file__).parents[1] / "openapi.json"
# The page's own code is in the layer already, so that none has to come from strangers.
_SWAGGER = Path(aws_lambda_powertools.__file__).parent / "event_handler/openapi/swagger_ui"
_KEPT = {"Cache-Control": "public, max-age=86400"}


def reference_routes() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def document() -> FileResponse:
        return FileResponse(_DOCUMENT, media_type="application/json")

    @router.get("/docs")
    async def page() -> HTMLResponse:
        shown = get_swagger_ui_html(
            title="Quire",
            openapi_url="openapi.json",
            swagger_js_url="docs/swagger-ui.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="data:,",
        )
        shown.headers["Content-Security-Policy"] = _policy(bytes(shown.body))
        return shown

    @router.get("/docs/swagger-ui.js")
    async def script() -> FileResponse:
        path = _SWAGGER / "swagger-ui-bundle.min.js"
        return FileResponse(path, media_type="text/javascript", headers=_KEPT)

    @router.get("/docs/swagger-ui.css")
    async def style() -> FileResponse:
        path = _SWAGGER / "swagger-ui.min.css"
        return FileResponse(path, media_type="text/css", headers=_KEPT)

    return router


def _policy(page: bytes) -> str:
    """Of all scripts it runs ours, and the one that is written in the page itself."""
    written = page.partition(b"<script>")[2].partition(b"</script>")[0]
    digest = base64.b64encode(hashlib.sha256(written).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; "
        "style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "frame-ancestors 'none'"
    )
