"""API Gateway → Mangum → the app, buffered."""

from functions.chat.app import create
from quire.web.gateway import handler_of

handler = handler_of(create())
