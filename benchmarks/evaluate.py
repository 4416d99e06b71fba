"""`make eval`: `quire eval` against a laptop cloud of its own, kept for the next time.

The models are those that `make run` would take: MiniLM, unless the environment names others.
"""

import asyncio
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import boto3
import typer
from rich.console import Console

from benchmarks.ports import free_ports
from cli.client import Failed
from cli.evaluation.dataset import claim, slug
from cli.evaluation.reading import read
from local.children import ServiceFailed
from local.configuration import Configuration
from local.provision import REGION
from local.stack import Stack

if TYPE_CHECKING:
    from types_boto3_sqs.literals import QueueAttributeNameType

_PORTS = ("api", "stream", "postgres", "pgbouncer", "qdrant", "aws", "model")

_QUEUES = ("quire-local-documents", "quire-local-bulk")
_COUNTS: tuple["QueueAttributeNameType", ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_POLL = 1.0

console = Console(highlight=False)


def main(
    context: typer.Context,
    dataset: Annotated[Path, typer.Argument(help="As `quire eval` takes it.")],
    state: Annotated[
        Path | None,
        typer.Option(help="What was read, kept.", show_default="build/eval/DATASET/state"),
    ] = None,
    documents: Annotated[Path | None, typer.Option(help="As `quire eval` takes it.")] = None,
) -> None:
    """Evaluate here; all other options go to `quire eval` as they are."""
    given = [str(dataset), *(["--documents", str(documents)] if documents else []), *context.args]
    try:
        # First, as nobody should wait for a cloud to hear of a broken line.
        name = read(dataset, documents=documents).name
        folder = state or Path("build", "eval", slug(name), "state")
        claim(folder, dataset)
        code = asyncio.run(_run(folder, given))
    except (Failed, ServiceFailed) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    raise typer.Exit(code)


async def _run(state: Path, arguments: list[str]) -> int:
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    configured = Configuration(
        state=state,
        api_port=ports["api"],
        stream_port=ports["stream"],
        postgres_port=ports["postgres"],
        pgbouncer_port=ports["pgbouncer"],
        qdrant_port=ports["qdrant"],
        aws_port=ports["aws"],
        model_port=ports["model"],
    )
    async with Stack(configured):
        with console.status("reading what was left, and looking at what was read …"):
            await _quiet(configured.aws_url)
        shown = f"$ quire eval {shlex.join(arguments)}"
        console.print(shown, style="bold", markup=False, soft_wrap=True)
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "eval", *arguments),
            env={
                **os.environ,
                "QUIRE_URL": configured.api_url,
                "QUIRE_API_KEY": configured.api_key.get_secret_value(),
            },
        )
        try:
            return await command.wait()
        finally:
            if command.returncode is None:
                command.kill()
                await command.wait()


async def _quiet(aws_url: str) -> None:
    """Wait until no document is on its way.

    A start announces every object that was kept once more: an interrupted run goes on, and what
    is whole is only looked at; but latency is not to be measured beside that.
    """
    sqs = boto3.Session("local", "local", region_name=REGION).client("sqs", endpoint_url=aws_url)
    urls = [sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in _QUEUES]

    def waiting() -> int:
        found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]) for url in urls]
        return sum(int(one["Attributes"][name]) for one in found for name in _COUNTS)

    while await asyncio.to_thread(waiting):
        await asyncio.sleep(_POLL)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(main)
    app()
