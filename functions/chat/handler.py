"""API Gateway → Mangum → the app, buffered."""

from mangum import Mangum

from functions.chat.app import create
from quire.snapshots import renewed_handler

# lifespan="off": Mangum would run it on every invocation. Clients open themselves when first used.
handler = renewed_handler(lambda: Mangum(create(), lifespan="off"))
