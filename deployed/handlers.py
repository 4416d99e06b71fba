"""The functions: what Lambda is told to call in the bundle that the second word names."""

HANDLERS = {
    "chat": "functions.chat.handler.handler",
    "ingest-api": "functions.ingest.api.handler",
    "ingest": "functions.ingest.handler.handler",
    "maintenance": "functions.ingest.maintenance.handler",
    "health": "functions.health.handler.handler",
    "migrate": "functions.migrate.handler.handler",
}
# Chat's bundle too, started by the Lambda Web Adapter, which wants a path.
STREAM_HANDLER = "functions/chat/start.sh"
