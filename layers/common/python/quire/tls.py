"""Whom we believe to be who they say: one TLS context for all HTTP clients of a process."""

import ssl
from functools import cache

import httpx


@cache
def tls_context() -> ssl.SSLContext:
    """The usual roots, read once: to read them takes as long as to start Python three times."""
    return httpx.create_ssl_context()
