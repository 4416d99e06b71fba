"""API Gateway → Mangum → the app, buffered."""

from functions.chat.app import create
from quire.snapshots import renewed_handler
from quire.web.gateway import handler_of

handler = renewed_handler(lambda: handler_of(create()))
