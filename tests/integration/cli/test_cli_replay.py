"""What a replay tells: what changed, and how the words differ."""

import json

from tests.integration.cli.command import Ended, Quire
from tests.integration.cli.contract import REQUEST_ID
from tests.integration.cli.deployment import Deployment, Json

MESSAGE = "0198c6a2-0000-7000-8000-000000000002"
WAS: Json = {
    "status": "complete",
    "answer": "It is a pendulum [1]. It falls. \x1b]0;pwned\x07",
    "model": "one",
    "prompt_hash": "aa",
    "citations": [{"start": 1}],
    "sources": ["x", "y"],
}


def replayed(**now: object) -> Json:
    return {"message_id": MESSAGE, "was": WAS, "now": WAS | now, "same": not now}


async def test_the_same_answer(deployment: Deployment, quire: Quire) -> None:
    deployment.replayed = replayed()
    assert await quire("replay", MESSAGE) == Ended(0, "All of it is the same.\n", "")
    raw = await quire("replay", MESSAGE, "--json")
    assert json.loads(raw.out) == deployment.replayed


async def test_another_answer(deployment: Deployment, quire: Quire) -> None:
    deployment.replayed = replayed(
        answer="It is a pendulum [1]. It stands. \x1b]0;pwned\x07",
        model="two",
        prompt_hash=None,
        citations=[{"start": 2}],
        sources=["y", "z"],
    )
    ended = await quire("replay", MESSAGE)
    assert ended.code == 1
    assert [line.strip().split(maxsplit=1) for line in ended.out.splitlines()[:6]] == [
        ["model", "one → two"],
        ["prompt", "aa → none"],
        ["sources", "1 gone, 1 new"],
        ["gone", "x"],
        ["new", "z"],
        ["citations", "1, of other places"],
    ]
    assert ended.out.splitlines()[6:] == [
        "--- was",
        "+++ now",
        "@@ -1,3 +1,3 @@",
        " It is a pendulum [1].",
        "-It falls.",
        "+It stands.",
        " ]0;pwned",
    ]


async def test_the_same_words_from_elsewhere(deployment: Deployment, quire: Quire) -> None:
    deployment.replayed = replayed(sources=["y", "x"], citations=[], status="incomplete")
    ended = await quire("replay", MESSAGE)
    assert [line.strip().split(maxsplit=1) for line in ended.out.splitlines()] == [
        ["status", "complete → incomplete"],
        ["sources", "in another order"],
        ["citations", "1 → 0"],
        ["answer", "the same"],
    ]


async def test_no_such_answer(deployment: Deployment, quire: Quire) -> None:
    deployment.replayed = replayed()
    ended = await quire("replay", "another")
    assert ended == Ended(1, "", f"Error: There is no such message. (request {REQUEST_ID})\n")


async def test_usage(deployment: Deployment, quire: Quire) -> None:
    counts = {
        "requests": 2,
        "prompt_tokens": 12_345,
        "cached_tokens": 0,
        "completion_tokens": 6,
        "embedding_tokens": 7,
        "cost_usd": 0.0125,
    }
    deployment.usage = {"data": [{"day": "2026-11-21", "model": "m", **counts}], "total": counts}
    ended = await quire("usage", "--from", "2026-11-01")
    assert deployment.asked == [{"from": "2026-11-01"}]
    names, day, total = (line.split() for line in ended.out.splitlines())
    assert names == "day model requests prompt cached completion embedding cost".split()
    assert day == ["2026-11-21", "m", "2", "12,345", "0", "6", "7", "$0.0125"]
    assert total == ["total", *day[2:]]
