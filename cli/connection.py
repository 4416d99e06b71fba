"""Which deployment a command speaks to, as whom, and how the command ends when that fails."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, TypeVar

import httpx
import typer

from cli import terminal
from cli.client import Failed, Quire, is_loopback

T = TypeVar("T")

# Where `make run` listens, on the port it was told.
LOCAL_URL = f"http://127.0.0.1:{os.environ.get('QUIRE_API_PORT', '8000')}"
LOCAL_STREAM_URL = f"http://127.0.0.1:{os.environ.get('QUIRE_STREAM_PORT', '8001')}"
LOCAL_KEY = "quire-local-key"


def _url(value: str | None) -> str | None:
    if not value:
        return None
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        raise typer.BadParameter(f"{value} is not a URL.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise typer.BadParameter("Give a URL that begins with http:// or https://.")
    return value


def _header(value: str | None) -> str | None:
    if value and not (value.isascii() and value.isprintable()):
        raise typer.BadParameter("Only printable ASCII characters can be sent.")
    return value


Url = Annotated[
    str, typer.Option(envvar="QUIRE_URL", callback=_url, help="The deployment to speak to.")
]
StreamUrl = Annotated[
    str | None,
    typer.Option(
        envvar="QUIRE_STREAM_URL",
        callback=_url,
        help="Where its answers stream; known of what `make run` starts.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        envvar="QUIRE_API_KEY",
        callback=_header,
        help="The API key; needless for a deployment on this machine.",
    ),
]
User = Annotated[
    str | None,
    typer.Option(envvar="QUIRE_USER", callback=_header, help="The user the key speaks for."),
]
Timeout = Annotated[
    float, typer.Option(min=0, help="Seconds to wait, once all are sent, until they are ready.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether that is meant.")]


def connect(
    context: typer.Context,
    url: Url = LOCAL_URL,
    stream_url: StreamUrl = None,
    key: Key = None,
    user: User = None,
) -> None:
    """Ask your documents, and bring new ones, in any deployment of Quire."""
    if not key and is_loopback(httpx.URL(url)):
        key = LOCAL_KEY
    if stream_url is None and url == LOCAL_URL:
        stream_url = LOCAL_STREAM_URL
    context.obj = partial(Quire, url, key=key, user=user, stream_url=stream_url)


def refused(why: str) -> typer.Exit:
    """Say why nothing is asked of the deployment; the exit to raise."""
    terminal.failed(Failed(why))
    return typer.Exit(1)


def sure(goes: str, *, yes: bool) -> None:
    """Ask whether `goes`, a sentence, is meant, unless told `yes`. Raises Exit or Abort if not."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise refused(f"{goes} Nobody is here to be asked; say --yes if that is meant.")
    terminal.aside(goes)
    typer.confirm("Is that meant?", abort=True, err=True)


def run(context: typer.Context, work: Callable[[Quire], Awaitable[T]]) -> T:
    """Do `work` with the deployment; if it fails, say why and exit with 1."""

    async def connected() -> T:
        async with context.obj() as quire:
            return await work(quire)

    try:
        return asyncio.run(connected())
    except Failed as error:
        terminal.failed(error)
        raise typer.Exit(1) from None
