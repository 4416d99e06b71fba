"""What the person sees of keys, users and tenants."""

from collections.abc import Callable, Sequence

from cli import terminal
from cli.client import Json
from cli.terminal import when


def secret(made: Json) -> None:
    """A key that was just made: alone on standard output, so that it can be kept elsewhere."""
    terminal.out.print(terminal.plain(made["key"]), soft_wrap=True)
    until = f" It works until {when(made['expires_at'])}." if made.get("expires_at") else ""
    terminal.aside(f"This is the key of {made['name']}; it is not shown again.{until}")


def one(kind: str, shown: Json, *, as_json: bool) -> None:
    if as_json:
        terminal.raw(shown)
    else:
        listed(kind, [shown])


def listed(kind: str, items: Sequence[Json]) -> None:
    if not items:
        terminal.sentence(f"There are no {kind}.")
        return
    terminal.out.print(terminal.table([_ROWS[kind](item) for item in items]))


def limits(shown: Json, *, as_json: bool) -> None:
    """Each with whose it is: the tenant's own, or the stage's."""
    if as_json:
        terminal.raw(shown)
        return
    rows = [
        {
            "limit": _LIMITS[name],
            "most": "none" if most is None else f"{most:,}",
            "whose": "the stage's" if shown[name] is None else "its own",
        }
        for name, most in shown["in_force"].items()
    ]
    terminal.out.print(terminal.table(rows))


def _key(key: Json) -> dict[str, str]:
    return {
        "id": key["id"],
        "name": key["name"],
        "begins": key["prefix"],
        "scopes": " ".join(key["scopes"]),
        "user": key["user_id"] + (" and others" if key["speaks_for_users"] else ""),
        "expires": _moment(key["expires_at"]),
        "revoked": _moment(key["revoked_at"]),
    }


def _user(user: Json) -> dict[str, str]:
    return {
        "id": user["id"],
        "sessions": f"{user['sessions']:,}",
        "created": when(user["created_at"]),
        "revoked": _moment(user["revoked_at"]),
    }


def _tenant(tenant: Json) -> dict[str, str]:
    return {
        "id": tenant["id"],
        "name": tenant["name"],
        "created": when(tenant["created_at"]),
        "closed": _moment(tenant["closed_at"]),
    }


def _moment(time: str | None) -> str:
    return when(time) if time else ""


_LIMITS = {
    "key_requests": "requests a minute, of each key",
    "requests": "requests a minute, of all",
    "streams": "streams at once",
    "tokens": "tokens a day",
    "dollars": "dollars a day",
}
_ROWS: dict[str, Callable[[Json], dict[str, str]]] = {
    "keys": _key,
    "users": _user,
    "tenants": _tenant,
}
