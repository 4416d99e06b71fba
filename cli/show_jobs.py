"""What the person sees of jobs: a list, one on its way, and what each kind leaves when done."""

import json
from collections.abc import Callable, Sequence

from rich.text import Text

from cli.client import Json
from cli.terminal import (
    amount,
    caused,
    grid,
    out,
    plain,
    sentence,
    shortened,
    status,
    table,
    when,
)

_SHORTEST_NAME = 16
# What an id and two counts take in a table.
_BESIDE_NAME = 56


def jobs(listed: Sequence[Json]) -> None:
    if not listed:
        sentence("There are no jobs.")
        return
    out.print(
        table(
            [
                {
                    "id": job["id"],
                    "kind": job["kind"],
                    "status": status(job["status"]),
                    "progress": amount(job["progress"]),
                    "created": when(job["created_at"]) if job.get("created_at") else "",
                }
                for job in listed
            ]
        )
    )
    for job in listed:
        if job.get("error"):
            caused("failed", job["id"], job["error"])


def job(one: Json) -> None:
    """What a job has come to; while it is on its way, or of a kind not known here, all of it."""
    result = one.get("result") or {}
    # Older deletions, and those that found nothing left to do, have no certificate.
    tell = certificate if "removed" in result else _RESULTS.get(one["kind"])
    if result and tell and one["status"] == "done":
        tell(result)
        return
    known = grid()
    for name, value in one.items():
        if value not in (None, ""):
            told = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
            told = amount(value) or "0" if name == "progress" else told
            known.add_row(
                Text(name, "dim"), status(value) if name == "status" else Text(plain(told))
            )
    out.print(known)


def certificate(result: Json) -> None:
    """What a deletion removed, where it looked for more, and what stays for a while, and why."""
    about = result.get("filename") or result.get("user_id") or result["tenant_id"]
    sentence(f"{about} is deleted.")
    out.print()
    out.print(table([{"what": name, "removed": f"{n:,}"} for name, n in result["removed"].items()]))
    out.print()
    sentence(f"Searched: {', '.join(result['searched'])}.", "dim")
    if not result["remains"]:
        sentence("Nothing of it remains.", "green")
        return
    sentence("What remains:", "yellow")
    out.print(
        table(
            [
                {
                    "what": left["what"],
                    "until": when(left["until"]) if left["until"] else "for good",
                    "why": left["why"],
                }
                for left in result["remains"]
            ]
        )
    )


def reconciled(result: Json) -> None:
    sentence(
        f"{result['documents']:,} documents: {result['holding']:,} hold, "
        f"{result['mended']:,} mended, {len(result['failed']):,} failed.",
        "red" if result["failed"] else "green",
    )
    if result.get("found"):
        sentence(f"{result['found']:,} files that nobody knew of are being read.")
    if result["failed"]:
        width = max(_SHORTEST_NAME, out.width - _BESIDE_NAME)
        out.print(
            table(
                [
                    {
                        "filename": shortened(document["filename"], width),
                        "missing": f"{document['missing']:,}",
                        "extra": f"{document['extra']:,}",
                        "id": document["document_id"],
                    }
                    for document in result["failed"]
                ]
            )
        )


def rebuilt(result: Json) -> None:
    sentence(
        f"{result['collection']} is live: {result['documents']:,} documents, "
        f"{result['chunks']:,} chunks, {result['model']} in {result['dimensions']} dimensions.",
        "green",
    )
    if result["dropped"]:
        sentence(f"{result['dropped']} is dropped.")


def exported(result: Json) -> None:
    sentence(f"{result['bytes']:,} bytes, kept until {when(result['expires_at'])}.")
    rows = [{"what": name, "exported": f"{n:,}"} for name, n in result["counts"].items()]
    out.print(table(rows))


def redriven(result: Json) -> None:
    sentence(f"{result['moved']:,} messages go to the queue again.")
    if result["causes"]:
        out.print(
            table(
                [
                    {"moved": f"{n:,}", "cause": cause}
                    for cause, n in sorted(result["causes"].items(), key=lambda item: -item[1])
                ]
            )
        )


_RESULTS: dict[str, Callable[[Json], None]] = {
    "reconcile": reconciled,
    "rebuild": rebuilt,
    "redrive": redriven,
    "export": exported,
}
