"""`quire upload`: what is sent, what is waited for, and what is said of it."""

import json
from pathlib import Path

import pytest

from tests.integration.cli.command import Ended, Quire, call
from tests.integration.cli.contract import REQUEST_ID
from tests.integration.cli.deployment import CAUSE, Deployment


async def test_a_folder_is_uploaded_and_waited_for(
    deployment: Deployment, quire: Quire, book: Path
) -> None:
    ended = await quire("upload", str(book))
    hidden = f"Left out, as hidden or as links: {book / '.git'}, {book / '.hidden.md'}.\n"
    assert ended == Ended(0, "2 ready\n", hidden)
    forms = {form["key"].decode(): form for form in deployment.received}
    assert {name: form["Content-Type"] for name, form in forms.items()} == {
        "walking.md": b"text/markdown",
        "part one/balance.txt": b"text/plain",
    }
    assert forms["walking.md"]["file"] == (book / "walking.md").read_bytes()
    statuses = {stored.shown["status"] for stored in deployment.documents.values()}
    assert statuses == {"ready"}


async def test_what_is_left_out_is_told(deployment: Deployment, quire: Quire, book: Path) -> None:
    deployment.quick = True
    for number in range(6):  # beside the book's own two
        (book / f".{number}").touch()
    ended = await quire("upload", "--json", str(book))
    named = ", ".join(str(book / f".{number}") for number in range(5))
    assert ended.err == f"Left out, as hidden or as links: {named} and 3 more.\n"
    assert len(json.loads(ended.out)["data"]) == 2


async def test_what_fails_is_told_with_its_cause(quire: Quire, book: Path) -> None:
    (book / "blank.pdf").write_text("blank")
    (book / "empty.md").touch()
    ended = await quire("upload", str(book))
    assert ended.code == 1
    assert set(ended.out.splitlines()) == {
        f"failed blank.pdf: {CAUSE}",
        "failed empty.md: It is empty.",
        "2 ready, 2 failed",
    }


@pytest.mark.parametrize(
    ("path", "said"), [("", "This path is empty"), ("nowhere.md", "There is no nowhere.md.")]
)
async def test_no_path_is_no_folder(quire: Quire, path: str, said: str) -> None:
    ended = await quire("upload", path)
    assert ended.code == 2
    assert said in ended.err


async def test_only_what_changed_is_sent_again(
    deployment: Deployment, quire: Quire, book: Path
) -> None:
    deployment.quick = True
    await quire("upload", str(book))
    deployment.quick = False
    (book / "walking.md").write_text("Run.")
    deployment.received.clear()
    ended = await quire("upload", "--json", str(book))
    outcomes = {one["filename"]: one for one in json.loads(ended.out)["data"]}
    assert outcomes["walking.md"]["outcome"] == "ready"
    assert outcomes["part one/balance.txt"]["outcome"] == "unchanged"
    assert [form["key"] for form in deployment.received] == [b"walking.md"]
    # It was ready before, with the old bytes; that was not what was waited for.
    assert deployment.documents["walking.md"].shown["version"] == 2
    assert not deployment.documents["walking.md"].steps


async def test_many_are_uploaded_a_few_at_a_time(
    deployment: Deployment, quire: Quire, tmp_path: Path
) -> None:
    deployment.quick = True
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"number {number}")
    ended = await quire("upload", str(tmp_path))
    assert ended.out == "60 ready\n"
    assert deployment.most_at_once <= 16


async def test_a_busy_deployment_is_asked_again(
    deployment: Deployment, quire: Quire, book: Path
) -> None:
    deployment.quick, deployment.busy = True, 2
    ended = await quire("upload", str(book))
    assert ended.out == "2 ready\n"
    assert not deployment.busy


async def test_what_is_not_ready_in_time_is_named(
    deployment: Deployment, quire: Quire, book: Path
) -> None:
    deployment.stuck = True
    ended = await quire("upload", str(book / "walking.md"), "--timeout", "1.5")
    line = "unfinished walking.md: still awaiting_upload after 1.5 s"
    assert ended == Ended(1, f"{line}\n1 unfinished\n", "")


async def test_a_wrong_key_is_one_error_however_many_files(
    deployment: Deployment, book: Path
) -> None:
    # Without a key the local one is sent, to this machine only.
    ended = await call("--url", deployment.url, "--user", "u-1", "upload", str(book))
    message = "This API key is not known. Give the key with --key or QUIRE_API_KEY."
    assert ended == Ended(1, "", f"Error: {message} (request {REQUEST_ID})\n")
    assert deployment.users == {"u-1"}
