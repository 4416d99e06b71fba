"""Tables on a terminal of 80 columns: what has no room is folded, and nothing of it is lost."""

import re

import pytest

from tests.integration.cli.command import on_terminal
from tests.integration.cli.deployment import Deployment, Json, Stored

TIME = "2026-11-21T10:00:00.000000+00:00"
IDS = [f"0198c6a2-0000-7000-8000-00000000000{n}" for n in (1, 2)]
COUNTS: Json = {
    "requests": 1_240,
    "prompt_tokens": 158_440,
    "cached_tokens": 112_000,
    "completion_tokens": 23_441,
    "embedding_tokens": 2_158_442,
    "cost_usd": 0.146624,
}


@pytest.mark.parametrize("columns", [80, 40])
async def test_no_digit_of_what_was_used_is_lost(deployment: Deployment, columns: int) -> None:
    model = {"day": "2026-11-21", "model": "text-embedding-3-small"}
    deployment.usage = {"data": [model | COUNTS], "total": COUNTS}
    shown = await shown_on(columns, deployment, "usage")
    for number in ("1,240", "158,440", "112,000", "23,441", "2,158,442", "$0.146624"):
        assert shown.split().count(number) == 2
    for name in ("requests", "prompt", "cached", "completion", "embedding", "cost"):
        assert name in shown.split()
    assert max(map(len, shown.splitlines())) <= columns


async def test_keys_are_shown_with_all_that_tells_them_apart(deployment: Deployment) -> None:
    deployment.keys = [
        {
            "id": key_id,
            "name": "the website's key",
            "prefix": "qk_a1b2c3d4",
            "scopes": ["ask", "ingest", "admin"],
            "user_id": "default",
            "speaks_for_users": False,
            "expires_at": TIME,
            "revoked_at": TIME,
        }
        for key_id in IDS
    ]
    shown = await shown_on(80, deployment, "keys", "list")
    assert [word for word in shown.split() if word in IDS] == IDS
    for told in ("the website's key", "qk_a1b2c3d4", "ask ingest admin", "expires", "revoked"):
        assert shown.count(told) == 2


async def test_jobs_have_their_ids(deployment: Deployment) -> None:
    about = {"kind": "reconcile", "status": "running", "created_at": TIME}
    for job_id in IDS:
        job = {"id": job_id, **about, "progress": {"done": 1000, "total": 120_000}}
        deployment.jobs[job_id] = Stored(job)
    names, *rows = (await shown_on(80, deployment, "jobs")).splitlines()
    assert names.split() == ["id", "kind", "status", "progress", "created"]
    assert [row.split()[0] for row in rows if row.startswith("0")] == IDS
    assert "".join(rows).count("1000/120000") == 2


async def test_documents_have_their_counts(deployment: Deployment) -> None:
    told = {"version": 12, "chunks": 1_234_567, "title": "Walking on two legs " * 9}
    deployment.expect("a long way " * 30 + ".pdf").update(told)
    names, row = (await shown_on(80, deployment, "documents")).splitlines()
    assert names.split()[-4:] == ["status", "version", "chunks", "updated"]
    assert row.split()[-5:-2] == ["awaiting_upload", "12", "1234567"]
    assert "…" in row


async def shown_on(columns: int, deployment: Deployment, *arguments: str) -> str:
    """Without colours."""
    shown = await on_terminal(*arguments, url=deployment.url, columns=columns)
    return re.sub("\x1b\\[[0-9;]*m", "", shown)
