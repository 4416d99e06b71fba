"""`quire jobs`, `quire job`: work that outlives a request, listed, shown and waited for."""

import asyncio
from typing import Annotated

import typer

from cli import show_jobs, terminal
from cli.client import Failed, Json, Quire, path_of
from cli.connection import AsJson, run
from cli.pausing import pauses

jobs_app = typer.Typer()


@jobs_app.command()
def jobs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the jobs: deletions, reconciliations, rebuilds, redrives, exports and erasures."""

    async def work(quire: Quire) -> None:
        listed = [job async for job in quire.pages("/v1/admin/jobs")]
        if as_json:
            terminal.raw({"data": listed})
        else:
            show_jobs.jobs(listed)

    run(context, work)


@jobs_app.command()
def job(
    context: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a job, and what came of it."""

    async def work(quire: Quire) -> bool:
        found = await (follow(quire, job_id) if wait else quire.get(path_of("jobs", job_id)))
        return tell(found, as_json=as_json)

    if not run(context, work):
        raise typer.Exit(1)


async def follow(quire: Quire, job_id: str, *, timeout: float | None = None) -> Json:
    """The job once it has ended; a bar tells how far it is. Raises Failed, as after `timeout`."""
    again = f"`quire job {job_id} --wait` looks again."
    try:
        async with asyncio.timeout(timeout):
            return await _ended(quire, job_id)
    except TimeoutError:
        raise Failed(f"It is not done after {timeout:g} s and goes on; {again}") from None
    except asyncio.CancelledError:  # Ctrl-C
        terminal.aside(f"The job goes on; {again}")
        raise


def tell(job: Json, *, as_json: bool) -> bool:
    """Show the job; whether nothing of it failed. Raises Failed for one that failed itself."""
    if as_json:
        terminal.raw(job)
    elif job["status"] == "failed":
        raise Failed(f"The job {job['id']} ({job['kind']}) failed: {job['error']}")
    else:
        show_jobs.job(job)
    # A reconciliation may be done and name documents that it could not mend.
    return job["status"] != "failed" and not (job.get("result") or {}).get("failed")


async def _ended(quire: Quire, job_id: str) -> Json:
    with terminal.progress() as progress:
        bar = progress.add_task("Waiting", total=None, amount="")
        for pause in pauses():
            try:
                job = await quire.get(path_of("jobs", job_id))
            except Failed as failed:
                if not failed.passing:
                    raise
            else:
                progress.update(
                    bar,
                    description=job["kind"].capitalize(),
                    completed=job["progress"]["done"],
                    total=job["progress"]["total"] or None,
                    amount=terminal.amount(job["progress"]) or job["status"],
                )
                if job["status"] in ("done", "failed"):
                    return job
            await asyncio.sleep(pause)
    raise AssertionError("There is always a next pause.")
