"""`python -m local`: bring the laptop cloud up, give it something to read, ask it something."""

import asyncio
import json
import logging
import os
import shlex
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.logging import RichHandler

from local.children import ServiceFailed
from local.configuration import Configuration
from local.deployment import ROOT
from local.stack import Stack

console = Console(highlight=False)

BOOK = ROOT / "examples" / "book"
BOOK_QUESTION = "What is a harmonic drive?"
ANY_QUESTION = "What is this about?"


def main(
    corpus: Annotated[Path, typer.Argument(help="A file or folder to read.")] = BOOK,
    question: Annotated[str | None, typer.Option(help="The first question to ask.")] = None,
) -> None:
    """Run Quire on this machine until Ctrl-C."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=console, show_path=False)],
    )
    if not corpus.exists():
        _give_up(f"There is nothing at {corpus}; name a file or folder: make run CORPUS=path")
    asked = question or (BOOK_QUESTION if corpus.resolve() == BOOK else ANY_QUESTION)
    try:
        asyncio.run(_run(Configuration(), corpus, asked))
    except ServiceFailed as error:
        _give_up(str(error))
    except ValidationError as error:
        _give_up("; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors()))


async def _run(configuration: Configuration, corpus: Path, question: str) -> None:
    _stop_on_signals()
    try:
        async with AsyncExitStack() as exit_stack:
            with console.status("Starting the databases, the models and the functions …"):
                stack = await exit_stack.enter_async_context(Stack(configuration))
            _tell_what_runs(stack)
            # The command speaks to this stack as it would to any other: over HTTP.
            await _quire(configuration, "upload", str(corpus))
            await _quire(configuration, "ask", question)
            _tell_what_to_try(configuration, question)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        console.print("Stopped.")


def _stop_on_signals() -> None:
    """The first Ctrl-C stops everything in good order; more of them change nothing."""
    running = asyncio.current_task()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if running and not stopping:
            stopping = True
            console.print("\nStopping …")
            running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def _quire(configuration: Configuration, *arguments: str) -> None:
    console.print(f"\n[bold]$ quire {' '.join(shlex.quote(a) for a in arguments)}[/bold]")
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "QUIRE_URL": configuration.api_url,
            "QUIRE_STREAM_URL": configuration.stream_url,
            "QUIRE_API_KEY": configuration.api_key.get_secret_value(),
        },
    )
    try:
        await command.wait()
    finally:
        if command.returncode is None:
            command.kill()
            await command.wait()


def _tell_what_runs(stack: Stack) -> None:
    configured = stack.configuration
    console.print(
        f"[green]Quire is up[/green]: {configured.api_url} "
        f"(the chat app by itself: {configured.stream_url})"
    )
    if not stack.pooled:
        console.print(
            "[yellow]PgBouncer is not installed, so the functions reach PostgreSQL directly; "
            "apt-get install pgbouncer makes it as in production.[/yellow]"
        )
    if configured.local_models:
        console.print(
            "No model is configured: MiniLM embeds, and answers are quotations. "
            "Set OPENAI_API_KEY, or OPENAI_BASE_URL, for a language model."
        )


def _tell_what_to_try(configuration: Configuration, question: str) -> None:
    key = configuration.api_key.get_secret_value()
    header = f"-H 'Authorization: Bearer {key}'"
    body = json.dumps({"question": question}, ensure_ascii=False).replace("'", "'\\''")
    json_type = "-H 'Content-Type: application/json'"
    console.print("\n[bold]Try[/bold]", soft_wrap=True)
    for line in (
        f"curl {configuration.api_url}/v1/chat {header} {json_type} -d '{body}'",
        f"curl '{configuration.api_url}/v1/documents?limit=3' {header}",
        f"curl {configuration.api_url}/health/ready",
    ):
        console.print(f"  {line}", soft_wrap=True, markup=False)
    console.print("\nCtrl-C stops everything; what was read stays.")


def _give_up(message: str) -> None:
    console.print(f"[red]{message}[/red]")
    raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
