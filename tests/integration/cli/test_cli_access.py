"""What hands over or erases all that somebody has: nothing goes unasked, nor does a file."""

from pathlib import Path

import pytest

from tests.integration.cli.command import Ended, Quire, on_terminal
from tests.integration.cli.deployment import Deployment, Json

CERTIFICATE: Json = {"removed": {"sessions": 3}, "searched": ["sessions"], "remains": []}
BOB = ["users", "delete", "bob"]
ACME = ["tenants", "delete", "acme"]
ERASING_BOB = {"kind": "erase", "user_id": "bob"}
ERASING_ACME = {"tenant_id": "acme"}


@pytest.mark.parametrize("command", [["users", "export", "bob"], ["tenants", "export"]])
async def test_an_archive_takes_no_files_place(
    deployment: Deployment, quire: Quire, tmp_path: Path, command: list[str]
) -> None:
    end = {"bytes": 7, "expires_at": "2026-11-21T10:00:00Z", "counts": {"sessions": 3}}
    deployment.results["export"] = {**end, "url": f"{deployment.url}/archive"}
    to = tmp_path / "export.tar"
    assert (await quire(*command, "--to", str(to))).code == 0
    assert to.read_bytes() == b"archive"
    deployment.asked.clear()
    to.write_text("another")
    refused = await quire(*command, "--to", str(to))
    message = f"{to} is there already; name another file with --to."
    assert refused == Ended(1, "", f"Error: {message}\n")
    assert to.read_text() == "another"
    assert deployment.asked == []


@pytest.mark.parametrize(("command", "asked"), [(BOB, ERASING_BOB), (ACME, ERASING_ACME)])
async def test_nothing_is_erased_unasked(
    deployment: Deployment, quire: Quire, command: list[str], asked: Json
) -> None:
    name = command[-1]
    deployment.results["erase"] = CERTIFICATE | ({"user_id": name} if name == "bob" else asked)
    refused = await quire(*command)
    assert (refused.code, refused.out) == (1, "")
    assert f"{name} goes for good" in refused.err
    assert refused.err.endswith("say --yes if that is meant.\n")
    no = await on_terminal(*command, url=deployment.url, typed="\n", code=1)
    assert f"{name} goes for good" in no
    assert "Is that meant? [y/N]" in no
    assert deployment.asked == []
    assert f"{name} is deleted." in await on_terminal(*command, url=deployment.url, typed="y\n")
    assert f"{name} is deleted." in (await quire(*command, "--yes")).out
    assert deployment.asked == [asked, asked]
