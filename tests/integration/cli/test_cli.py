"""The quire command as people run it: a process, its output, its exit code."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.integration.cli.command import ROOT, Ended, Quire, call, on_terminal
from tests.integration.cli.contract import REQUEST_ID
from tests.integration.cli.deployment import CAUSE, Deployment, Json

SESSION = "0198c6a2-0000-7000-8000-000000000001"
TEXT = "A standing humanoid is an inverted pendulum. " * 20


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


async def test_the_raw_answer_is_the_apis(deployment: Deployment, quire: Quire) -> None:
    deployment.answer = answer(1)
    ended = await quire("ask", "Why?", "--json")
    assert json.loads(ended.out) == deployment.answer


async def test_documents_are_listed_and_shown(deployment: Deployment, quire: Quire) -> None:
    for number in range(250):
        deployment.expect(f"{number}.md")
    last = deployment.documents["249.md"].shown
    last |= {"status": "failed", "error": CAUSE}
    spent = {"status": "queued", "error": "The day is spent."}
    deployment.documents["7.md"].shown.update(spent)
    listed, waiting, failed, shown = await asyncio.gather(
        quire("documents", "--json"),
        quire("documents", "--status", "queued"),
        quire("documents", "--status", "failed"),
        quire("documents", "show", "249.md"),
    )
    assert len(json.loads(listed.out)["data"]) == 250
    assert waiting.out.splitlines()[-1] == "waits 7.md: The day is spent."
    names, row, cause = failed.out.splitlines()
    assert names.split() == "filename title status version chunks updated".split()
    assert row.split()[:3] == ["249.md", "249.md", "failed"]
    assert cause == f"failed 249.md: {CAUSE}"
    assert shown.out.splitlines()[0].split() == ["id", last["id"]]
    missing = await quire("documents", "show", "250.md")
    message = "There is no document named 250.md; `quire documents` lists them."
    assert missing == Ended(1, "", f"Error: {message}\n")


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
        ["ask", "What?", "--selected-text", "This.", "--selected-file", __file__],
        ["ask", "What?", "--selected-file", sys.executable],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


async def test_on_a_terminal_the_markers_have_a_colour(deployment: Deployment) -> None:
    deployment.answer = answer(1)
    shown = await on_terminal("ask", "Why?", url=deployment.url)
    assert "\x1b[1;36m[3]\x1b[0m" in shown
    assert "\x1b]" not in shown


async def test_on_a_terminal_a_long_name_is_shortened(deployment: Deployment) -> None:
    name = "a long way " * 30 + ".pdf"
    deployment.expect(name)
    lines = (await on_terminal("documents", url=deployment.url)).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("a long way…")
    assert name not in lines[1]


async def test_who_is_interrupted_before_it_began_says_nothing(tmp_path: Path) -> None:
    """Ctrl-C while it imports what it needs."""
    (tmp_path / "httpx.py").write_text(
        "import os, signal, time\n"
        # Who was started in the background of a shell ignores it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    )
    ended = await call("health", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert ended == Ended(130, "", "")
