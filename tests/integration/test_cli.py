"""The quire command as people run it: a process, its output, its exit code."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from tests.integration.contract import CAUSE, CHUNKS, KEY, REQUEST_ID, Deployment, Json, create_app

ROOT = Path(__file__).parents[2]
SESSION = "0198c6a2-0000-7000-8000-000000000001"
TEXT = "A standing humanoid is an inverted pendulum. " * 20


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


Quire = Callable[..., Awaitable[Ended]]


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    served = Deployment()
    config = uvicorn.Config(create_app(served), port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.005)
    served.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield served
    server.should_exit = True
    await serving


def environment(**more: str) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("QUIRE_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


async def call(*arguments: str, **variables: str) -> Ended:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", *arguments),
        env=environment(**variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await command.communicate()
    return Ended(command.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def quire(deployment: Deployment) -> Quire:
    async def run(*arguments: str) -> Ended:
        ended = await call(*arguments, QUIRE_URL=deployment.url, QUIRE_API_KEY=KEY)
        assert "Traceback" not in ended.err
        assert "\x1b" not in ended.out + ended.err
        return ended

    return run


@pytest.fixture
def book(tmp_path: Path) -> Path:
    folder = tmp_path / "book"
    (folder / "part one").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "walking.md").write_text("# Walking\n\nOne foot, then the other.\r\n\r\n")
    (folder / "part one" / "balance.txt").write_text("Stand up.")
    (folder / ".git" / "config").write_text("hidden")
    (folder / ".hidden.md").write_text("hidden")
    return folder


def source(index: int, *, page: int | None = None) -> Json:
    return {
        "index": index,
        "title": f"Book {index}",
        "heading": [f"Book {index}", "Balance"],
        "filename": f"book-{index}.md",
        "page": page,
        "text": TEXT,
        "start": 0,
        "end": len(TEXT),
        "score": 0.5,
    }


def citation(index: int) -> Json:
    return {"index": index, "title": f"Book {index}", "cited_text": TEXT, "start": 0, "end": 9}


def answer(*cited: int) -> Json:
    return {
        "answer": "It is an inverted pendulum [3].\n\nIt falls [1]. \x1b]0;pwned\x07",
        "grounded": bool(cited),
        "citations": [citation(index) for index in cited],
        "sources": [source(1, page=7), source(2), source(3)],
        "session_id": SESSION,
        "message_id": SESSION,
        "persisted": True,
        "cached": False,
        "usage": {
            "prompt_tokens": 1000,
            "cached_tokens": 0,
            "completion_tokens": 234,
            "embedding_tokens": 5,
            "cost_usd": 0.000217,
        },
        "timings": {},
        "model": "m",
    }


async def test_a_folder_is_uploaded_and_waited_for(
    deployment: Deployment, quire: Quire, book: Path
) -> None:
    ended = await quire("upload", str(book))
    assert ended == Ended(0, "2 ready\n", "")
    forms = {form["key"]: form for form in deployment.received}
    assert {name: form["Content-Type"] for name, form in forms.items()} == {
        "walking.md": "text/markdown",
        "part one/balance.txt": "text/plain",
    }
    assert forms["walking.md"]["file"] == (book / "walking.md").read_bytes()
    statuses = {stored.shown["status"] for stored in deployment.documents.values()}
    assert statuses == {"ready"}


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


async def test_only_what_changed_is_sent_again(
    deployment: Deployment, quire: Quire, book: Path
) -> None:
    await quire("upload", str(book))
    (book / "walking.md").write_text("Run.")
    deployment.received.clear()
    ended = await quire("upload", "--json", str(book))
    outcomes = {one["filename"]: one for one in json.loads(ended.out)["data"]}
    assert outcomes["walking.md"]["outcome"] == "ready"
    assert outcomes["part one/balance.txt"]["outcome"] == "unchanged"
    assert [form["key"] for form in deployment.received] == ["walking.md"]
    # It was ready before, with the old bytes; that was not what was waited for.
    assert deployment.documents["walking.md"].shown["version"] == 2
    assert not deployment.documents["walking.md"].steps


async def test_many_are_uploaded_a_few_at_a_time(
    deployment: Deployment, quire: Quire, tmp_path: Path
) -> None:
    deployment.busy = 0
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"number {number}")
    ended = await quire("upload", str(tmp_path))
    assert ended.out == "60 ready\n"
    assert 1 < deployment.most_at_once <= 16


async def test_a_busy_deployment_is_asked_again(
    deployment: Deployment, quire: Quire, book: Path
) -> None:
    uploaded = await quire("upload", str(book))
    assert uploaded.code == 0
    (book / "walking.md").write_text("Run.")
    ended = await quire("upload", str(book / "walking.md"))
    assert ended.out == "1 ready\n"


async def test_what_is_not_ready_in_time_is_named(
    deployment: Deployment, quire: Quire, book: Path
) -> None:
    deployment.stuck = True
    ended = await quire("upload", str(book / "walking.md"), "--timeout", "0.1")
    line = "unfinished walking.md: still awaiting_upload after 0.1 s"
    assert ended == Ended(1, f"{line}\n1 unfinished\n", "")


async def test_an_answer_comes_with_the_sources_it_cites(
    deployment: Deployment, quire: Quire
) -> None:
    deployment.answer = answer(3, 1, 3)
    ended = await quire("ask", "Why does it fall?", "--top-k", "3", "--session", SESSION)
    asked = {"question": "Why does it fall?", "top_k": 3, "session_id": SESSION}
    assert deployment.asked == [asked]
    lines = [line.rstrip() for line in ended.out.splitlines()]
    assert lines[:3] == ["It is an inverted pendulum [3].", "", "It falls [1]. ]0;pwned"]
    assert lines[4] == "[1] Book 1 › Balance · book-1.md · page 7"
    assert lines[5].strip().startswith("A standing humanoid is")
    assert lines[5].endswith("…")
    assert lines[6] == "[3] Book 3 › Balance · book-3.md"
    assert "Book 2" not in ended.out
    assert lines[9].startswith(f"session {SESSION} · ")
    assert lines[9].endswith(" ms · 1,239 tokens · $0.000217")


async def test_a_question_about_a_selection(
    deployment: Deployment, quire: Quire, tmp_path: Path
) -> None:
    deployment.answer = answer()
    selection = tmp_path / "selection.txt"
    selection.write_text("Größe", encoding="utf-8")
    ended = await quire("ask", "What?", "--selected-file", str(selection))
    assert deployment.asked[0]["selected_text"] == "Größe"
    assert "No source is cited." in ended.out
    both = await quire("ask", "?", "--selected-file", str(selection), "--selected-text", "x")
    assert both.code == 2
    selection.write_bytes(b"\xff\xfe")
    assert (await quire("ask", "?", "--selected-file", str(selection))).code == 2


async def test_the_raw_answer_is_the_apis(deployment: Deployment, quire: Quire) -> None:
    deployment.answer = answer(1)
    ended = await quire("ask", "Why?", "--json")
    assert json.loads(ended.out) == deployment.answer


async def test_documents_are_listed_shown_and_deleted(deployment: Deployment, quire: Quire) -> None:
    for number in range(250):
        deployment.expect(f"{number}.md")
    last = deployment.documents["249.md"]
    last.shown |= {"status": "failed", "error": CAUSE}
    listed = await quire("documents", "--json")
    assert len(json.loads(listed.out)["data"]) == 250
    failed = (await quire("documents", "--status", "failed")).out.splitlines()
    assert failed[0].split() == [
        *("filename", "title", "status", "version", "chunks", "progress", "updated")
    ]
    assert [line.split()[:3] for line in failed[1:]] == [["249.md", "249.md", "failed"]]
    by_name = await quire("documents", "show", "249.md", "--json")
    assert json.loads(by_name.out) == last.shown
    assert CAUSE in (await quire("documents", "show", last.shown["id"])).out
    deleted = await quire("documents", "delete", "249.md")
    assert deleted == Ended(0, "249.md is deleted.\n", "")
    assert "249.md" not in deployment.documents
    assert (await quire("documents", "delete", "249.md")).code == 1


async def test_sessions_and_their_messages(deployment: Deployment, quire: Quire) -> None:
    times = {"created_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z"}
    deployment.sessions = [{"id": SESSION, "title": "Falling", "message_count": 2, **times}]
    deployment.messages = [
        {"id": str(n), "session_id": SESSION, "role": role, "content": content, **times}
        for n, (role, content) in enumerate([("user", "Why?"), ("assistant", "It falls [1].")])
    ]
    listed = await quire("sessions")
    assert listed.out.splitlines()[1].split()[:3] == [SESSION, "Falling", "2"]
    messages = (await quire("sessions", SESSION)).out.splitlines()
    assert messages[0].startswith("user  20")
    assert messages[1:5] == ["Why?", "", messages[3], "It falls [1]."]
    assert messages[3].startswith("assistant")


@pytest.mark.parametrize("ok", [True, False])
async def test_health(deployment: Deployment, quire: Quire, ok: bool) -> None:
    deployment.checks = {
        "postgres": {"ok": True, "ms": 3},
        "qdrant": {"ok": True, "ms": 2} if ok else {"ok": False, "ms": 2, "error": "away"},
    }
    ended = await quire("health")
    assert ended.code == (0 if ok else 1)
    last = ended.out.splitlines()[-1].split()
    assert last == (["qdrant", "ok", "2"] if ok else ["qdrant", "failing", "2", "away"])


async def test_a_problem_is_one_sentence(deployment: Deployment, quire: Quire) -> None:
    deployment.answer = answer()
    ended = await quire("ask", "Why?", "--session", "another")
    expected = f"Error: There is no such session. (request {REQUEST_ID})\n"
    assert ended == Ended(1, "", expected)


async def test_a_wrong_key_is_one_error_however_many_files(
    deployment: Deployment, book: Path
) -> None:
    # Without a key the local one is sent, to this machine only.
    ended = await call("--url", deployment.url, "--user", "u-1", "upload", str(book))
    message = "This API key is not known. Give the key with --key or QUIRE_API_KEY."
    assert ended == Ended(1, "", f"Error: {message} (request {REQUEST_ID})\n")
    assert deployment.users == {"u-1"}


async def test_nothing_answers(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    ended = await call("ask", "Why?", QUIRE_URL=url, HTTP_PROXY="http://127.0.0.1:9")
    message = f"Nothing answers at {url}; is it running? `make run` starts it."
    assert ended == Ended(1, "", f"Error: {message}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "quire.example", "health"],
        ["--url", "ftp://quire.example", "health"],
        ["--key", "schlüssel", "health"],
        ["upload", "/no/such/file"],
    ],
)
async def test_wrong_usage(arguments: list[str]) -> None:
    assert (await call(*arguments)).code == 2


async def test_on_a_terminal_the_markers_have_a_colour(deployment: Deployment) -> None:
    deployment.answer = answer(1)
    ours, theirs = os.openpty()
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "ask", "Why?"),
        env=environment(
            QUIRE_URL=deployment.url, QUIRE_API_KEY=KEY, TERM="xterm-256color", COLUMNS="100"
        ),
        stdout=theirs,
    )
    assert await command.wait() == 0
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert "\x1b[1;36m[3]\x1b[0m" in shown
    assert "\x1b]" not in shown
