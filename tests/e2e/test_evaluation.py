"""`quire eval` against the whole stack, with some of the example book."""

import json
from pathlib import Path

from local.stack import Stack
from tests.conftest import Tenant
from tests.integration.cli.command import call

QUESTIONS = Path(__file__).parents[2] / "examples" / "questions.jsonl"
ASKED = 3


async def test_questions_about_the_book_are_scored(
    stack: Stack, tenant: Tenant, tmp_path: Path
) -> None:
    """Three chapters are less than 100 chunks: whatever the ranking, all of them come back."""
    url = stack.configuration.api_url
    given = [str(QUESTIONS), "--limit", str(ASKED), "--out", str(tmp_path)]
    both = ["--with", "all={}", "--with", 'one={"top_k": 1}']
    ended = await call("eval", *given, *both, QUIRE_URL=url, QUIRE_API_KEY=tenant.key)
    assert (ended.code, ended.err) == (0, "")
    found = json.loads((tmp_path / f"results-{ASKED}.json").read_text(encoding="utf-8"))
    everything, one = found["configurations"]
    # Offsets, texts and passages agree: every character of every passage is in some chunk.
    for name in ("recall@100", "excerpt recall@100"):
        assert everything["metrics"][name]["value"] == 1
    assert everything["metrics"]["nDCG@10"]["value"] > 0
    assert one["metrics"]["recall@100"] == one["metrics"]["recall@1"]
    assert everything["usage"]["requests"] == one["usage"]["requests"] == ASKED
    assert everything["usage"]["embedding_tokens"] > 0
    assert {"embed", "search", "wall"} <= set(everything["latency_ms"])
    ingestion = found["ingestion"]
    assert (ingestion["documents"], ingestion["brought"]) == (3, 3)
    assert ingestion["chunks"] > 3
    assert ingestion["tokens"] > 0
