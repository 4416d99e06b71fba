"""`quire documents`, and what is done to one: delete, proof, reingest."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from cli import jobs, show, terminal
from cli.client import Failed, Json, Quire, path_of
from cli.connection import AsJson, Timeout, run
from cli.watch import Awaited, Watch

DELETION_SECONDS = 60.0

documents_app = typer.Typer(invoke_without_command=True)
# What is done to a document has a name of its own: `quire proof`, not `quire documents proof`.
document_app = typer.Typer()

Named = Annotated[str, typer.Argument(metavar="ID|FILENAME")]
AllNamed = Annotated[list[str], typer.Argument(metavar="ID|FILENAME...")]


@documents_app.callback()
def documents(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only those with this status.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the documents, or show one."""

    async def work(quire: Quire) -> None:
        listed = [document async for document in quire.pages("/v1/documents", status=status)]
        if as_json:
            terminal.raw({"data": listed})
        else:
            show.documents(listed, status_asked=status)

    if context.invoked_subcommand is None:
        run(context, work)


@documents_app.command("show")
def show_document(context: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Show all that is known of a document."""

    async def work(quire: Quire) -> None:
        (document,) = await _find(quire, [name])
        if as_json:
            terminal.raw(document)
        else:
            show.document(document)

    run(context, work)


@documents_app.command("delete", hidden=True)  # as it was called first
@document_app.command("delete")
def delete_document(context: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Delete a document, and wait for the certificate that nothing of it is left."""

    async def work(quire: Quire) -> bool:
        (document,) = await _find(quire, [name])
        accepted = await quire.delete(path_of("documents", document["id"]))
        job = await jobs.follow(quire, accepted["job_id"], timeout=DELETION_SECONDS)
        return jobs.tell(job, as_json=as_json)

    if not run(context, work):
        raise typer.Exit(1)


@document_app.command()
def proof(context: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Prove that a document's chunks are all indexed, and that nothing else is."""

    async def work(quire: Quire) -> bool:
        (document,) = await _find(quire, [name])
        found = await quire.get(path_of("documents", document["id"]) + "/proof")
        if as_json:
            terminal.raw(found)
        else:
            show.proof(document, found)
        return bool(found["holds"])

    if not run(context, work):
        raise typer.Exit(1)


@document_app.command()
def reingest(
    context: typer.Context,
    names: AllNamed,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Only ask for it.")] = False,
    timeout: Timeout = 600,
    as_json: AsJson = False,
) -> None:
    """Read documents again, from the bytes that are there, and wait until they are ready."""

    async def work(quire: Quire) -> bool:
        found = await _find(quire, names)
        if no_wait:
            accepted = [await _reingest(quire, document) for document in found]
            show.accepted(found, accepted, as_json=as_json)
            return True
        with terminal.progress() as progress:
            watch = Watch(quire, [document["filename"] for document in found], progress)
            outcomes = await watch.run(_reingest_all(quire, found, watch), timeout=timeout)
        show.outcomes(outcomes, as_json=as_json)
        return all(outcome.cause is None for outcome in outcomes)

    if not run(context, work):
        raise typer.Exit(1)


async def _reingest_all(quire: Quire, found: Sequence[Json], watch: Watch) -> None:
    for document in found:
        try:
            accepted = await _reingest(quire, document)
        except Failed as failed:
            watch.end(document["filename"], "failed", cause=failed.message)
        else:
            watch.add(_awaited(document, version=accepted["version"]))


async def _reingest(quire: Quire, document: Json) -> Json:
    return await quire.post(path_of("documents", document["id"]) + "/reingest", {})


def _awaited(document: Json, *, version: int) -> Awaited:
    return Awaited(
        filename=document["filename"],
        document_id=document["id"],
        # Until the new version is begun, the document may be ready with the old one.
        is_new=lambda seen: bool(seen["version"] >= version),
    )


async def _find(quire: Quire, names: Sequence[str]) -> list[Json]:
    """The documents with these ids or else filenames, each once. Raises Failed."""
    found = {name: await quire.get(path_of("documents", name)) for name in names if _is_id(name)}
    wanted = set(names) - set(found)
    if wanted:
        async for document in quire.pages("/v1/documents"):
            if document["filename"] in wanted:
                found[document["filename"]] = document
    for name in names:
        if name not in found:
            raise Failed(f"There is no document named {name}; `quire documents` lists them.")
    return list({found[name]["id"]: found[name] for name in names}.values())


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
