"""API Gateway → Mangum → the app, buffered."""

from mangum import Mangum

from functions.chat.app import create

# lifespan="off": Mangum would run it on every invocation. Clients open themselves when first used.
handler = Mangum(create(), lifespan="off")
