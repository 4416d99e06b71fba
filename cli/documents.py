"""`quire documents`: list them, show one, delete one."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from cli import show
from cli.client import Failed, Json, Quire, path_of, pauses
from cli.connection import AsJson, run

DELETION_SECONDS = 60.0

documents_app = typer.Typer(invoke_without_command=True)

Named = Annotated[str, typer.Argument(metavar="ID|FILENAME")]


@documents_app.callback()
def documents(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only those with this status.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the documents, or show or delete one."""

    async def work(quire: Quire) -> None:
        listed = [document async for document in quire.pages("/v1/documents", status=status)]
        if as_json:
            show.raw({"data": listed})
        else:
            show.documents(listed, status=status)

    if context.invoked_subcommand is None:
        run(context, work)


@documents_app.command("show")
def show_document(context: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Show all that is known of a document."""

    async def work(quire: Quire) -> None:
        document = await _find(quire, name)
        if as_json:
            show.raw(document)
        else:
            show.document(document)

    run(context, work)


@documents_app.command("delete")
def delete_document(context: typer.Context, name: Named) -> None:
    """Delete a document, and wait until nothing of it is left."""

    async def work(quire: Quire) -> None:
        document = await _find(quire, name)
        accepted = await quire.delete(path_of("documents", document["id"]))
        try:
            async with asyncio.timeout(DELETION_SECONDS):
                await _finished(quire, accepted["job_id"])
        except TimeoutError:
            raise Failed(
                f"{document['filename']} is still being deleted; `quire documents` lists it "
                "until it is gone."
            ) from None
        show.sentence(f"{document['filename']} is deleted.")

    run(context, work)


async def _find(quire: Quire, name: str) -> Json:
    """The document with that id, or else with that filename. Raises Failed."""
    if _is_id(name):
        return await quire.get(path_of("documents", name))
    async for document in quire.pages("/v1/documents"):
        if document["filename"] == name:
            return document
    raise Failed(f"There is no document named {name}; `quire documents` lists them.")


async def _finished(quire: Quire, job_id: str) -> None:
    """Wait for a job. Raises Failed when it fails."""
    for pause in pauses():
        job = await quire.get(path_of("jobs", job_id))
        if job["status"] == "failed":
            raise Failed(f"The job {job_id} failed: {job['error']}")
        if job["status"] == "done":
            return
        await asyncio.sleep(pause)


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
