"""`quire keys`, `quire users`, `quire tenants`: who may call."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import show_access, terminal
from cli.client import Json, Quire, path_of
from cli.connection import AsJson, Yes, refused, run, sure
from cli.jobs import follow, tell

keys_app = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke API keys.")
users_app = typer.Typer(no_args_is_help=True, help="Admit, list and shut out users.")
tenants_app = typer.Typer(no_args_is_help=True, help="Create and list tenants: the operator's.")


class Scope(StrEnum):
    ASK = "ask"
    INGEST = "ingest"
    ADMIN = "admin"


To = Annotated[Path, typer.Option("--to", metavar="FILE", help="Where to put the archive.")]
Id = Annotated[str, typer.Argument(metavar="ID")]
Days = Annotated[
    int | None, typer.Option("--days", min=1, help="Days that it works; for good, if not said.")
]


@keys_app.command("create")
def create_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    scopes: Annotated[list[Scope], typer.Option("--scope", help="What it may do; repeat it.")],
    days: Days = None,
    for_user: Annotated[
        str | None, typer.Option("--for", metavar="USER", help="The user it calls as.")
    ] = None,
    speaks_for_users: Annotated[
        bool, typer.Option("--speaks-for-users", help="Let it name the user it calls as.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key, which is shown this once."""
    body = {
        "name": name,
        "scopes": list(scopes),
        "user_id": for_user,
        "speaks_for_users": speaks_for_users,
        "expires_at": _in_days(days),
    }
    _show_secret(context, "/v1/admin/keys", body, as_json=as_json)


@keys_app.command("rotate")
def rotate_key(
    context: typer.Context,
    key: Id,
    overlap: Annotated[
        float, typer.Option(min=0, help="Hours that the former key works beside the new one.")
    ] = 24,
    days: Days = None,
    as_json: AsJson = False,
) -> None:
    """Make another key in place of one, which goes on for a while."""
    body = {"overlap_seconds": round(3600 * overlap), "expires_at": _in_days(days)}
    _show_secret(context, path_of("admin/keys", key) + "/rotate", body, as_json=as_json)


@keys_app.command("list")
def list_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """List the keys, without what they open."""
    _list(context, "keys", as_json=as_json)


@keys_app.command("revoke")
def revoke_key(context: typer.Context, key: Id, as_json: AsJson = False) -> None:
    """End a key, within a minute."""

    async def work(quire: Quire) -> None:
        revoked = await quire.delete(path_of("admin/keys", key))
        show_access.one("keys", revoked, as_json=as_json)

    run(context, work)


@users_app.command("export")
def export_user(
    context: typer.Context, user: Id, to: To = Path("export.tar"), as_json: AsJson = False
) -> None:
    """Fetch all that a user has, as one archive."""
    _export(context, {"kind": "export", "user_id": user}, to, as_json=as_json)


@users_app.command("delete")
def erase_user(context: typer.Context, user: Id, yes: Yes = False, as_json: AsJson = False) -> None:
    """Erase a user everywhere, and show the certificate."""
    sure(f"The user {user} goes for good, with all their sessions and keys.", yes=yes)
    body = {"kind": "erase", "user_id": user}
    _run_job(context, "/v1/admin/jobs", body, as_json=as_json)


@users_app.command("list")
def list_users(context: typer.Context, as_json: AsJson = False) -> None:
    """List the users."""
    _list(context, "users", as_json=as_json)


@users_app.command("create")
def create_user(context: typer.Context, user: Id, as_json: AsJson = False) -> None:
    """Admit a user, also one who was shut out."""
    _put_user(context, user, revoked=False, as_json=as_json)


@users_app.command("revoke")
def revoke_user(context: typer.Context, user: Id, as_json: AsJson = False) -> None:
    """Shut a user out, within a minute; their sessions stay."""
    _put_user(context, user, revoked=True, as_json=as_json)


@tenants_app.command("list")
def list_tenants(context: typer.Context, as_json: AsJson = False) -> None:
    """List the tenants."""
    _list(context, "tenants", as_json=as_json)


@tenants_app.command("create")
def create_tenant(
    context: typer.Context,
    tenant: Id,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a tenant, and show its first key, which makes its others."""
    body = {"id": tenant, "name": name or tenant}
    _show_secret(context, "/v1/admin/tenants", body, as_json=as_json)


@tenants_app.command("export")
def export_tenant(
    context: typer.Context, to: To = Path("export.tar"), as_json: AsJson = False
) -> None:
    """Fetch all that the key's own tenant has, as one archive."""
    _export(context, {"kind": "export"}, to, as_json=as_json)


@tenants_app.command("delete")
def erase_tenant(
    context: typer.Context, tenant: Id, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Erase a tenant everywhere, and show the certificate."""
    goes = f"The tenant {tenant} goes for good, with all its documents, users, sessions and keys."
    sure(goes, yes=yes)
    _run_job(context, path_of("admin/tenants", tenant), as_json=as_json)


def _in_days(days: int | None) -> str | None:
    return None if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat()


def _run_job(context: typer.Context, path: str, body: Json | None = None, *, as_json: bool) -> None:
    async def work(quire: Quire) -> bool:
        asked = await (quire.delete(path) if body is None else quire.post(path, body))
        return tell(await follow(quire, asked["job_id"]), as_json=as_json)

    if not run(context, work):
        raise typer.Exit(1)


def _export(context: typer.Context, body: Json, to: Path, *, as_json: bool) -> None:
    if to.exists():
        raise refused(f"{to} is there already; name another file with --to.")

    async def work(quire: Quire) -> bool:
        asked = await quire.post("/v1/admin/jobs", body)
        job = await follow(quire, asked["job_id"])
        if job["status"] == "done":
            await quire.fetch(job["result"]["url"], to)
            terminal.aside(f"All of it is in {to}.")
        return tell(job, as_json=as_json)

    if not run(context, work):
        raise typer.Exit(1)


def _show_secret(context: typer.Context, path: str, body: Json, *, as_json: bool) -> None:
    async def work(quire: Quire) -> None:
        made = await quire.post(path, body)
        if as_json:
            terminal.raw(made)
        else:
            show_access.secret(made)

    run(context, work)


def _put_user(context: typer.Context, user: str, *, revoked: bool, as_json: bool) -> None:
    async def work(quire: Quire) -> None:
        shown = await quire.post("/v1/admin/users", {"id": user, "revoked": revoked})
        show_access.one("users", shown, as_json=as_json)

    run(context, work)


def _list(context: typer.Context, kind: str, *, as_json: bool) -> None:
    async def work(quire: Quire) -> None:
        listed = [item async for item in quire.pages(f"/v1/admin/{kind}")]
        if as_json:
            terminal.raw({"data": listed})
        else:
            show_access.listed(kind, listed)

    run(context, work)
