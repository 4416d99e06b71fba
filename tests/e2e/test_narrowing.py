"""A search narrowed by what documents are, through the API."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import settled

DOCUMENTS = {
    "old.md": ("# Gaits\n\n## Trot\n\nThe legs move in pairs.", {"date": "2019-05-04"}),
    "new.md": (
        "# Balance\n\n## Sway\n\nThe legs hold still.",
        {"date": "2024-02-29T12:00:00+01:00", "author": "A = B", "section": "4.2"},
    ),
    "plain.txt": ("The legs are two.", {"chapter": "Legs", "author": "A", "date": "one day"}),
}


@pytest.fixture
async def legs(client: httpx.AsyncClient) -> dict[str, str]:
    """Three documents about legs; id by name."""

    async def put(name: str, content: str, metadata: dict[str, str]) -> str:
        body = {"filename": name, "content": content, "metadata": metadata}
        answer = await client.post("/v1/documents", json=body)
        return str((await settled(client, answer.raise_for_status().json()["id"]))["id"])

    ids = await asyncio.gather(*(put(name, *given) for name, given in DOCUMENTS.items()))
    return dict(zip(DOCUMENTS, ids, strict=True))


async def test_every_field_and_every_combination(
    client: httpx.AsyncClient, legs: dict[str, str]
) -> None:
    old, new, plain = "old.md", "new.md", "plain.txt"
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {old, new, plain}),
        ({"document_id": [legs[old], legs[new]]}, {old, new}),
        ({"document_id": ["no-such-document"]}, set()),
        ({"filename": [plain]}, {plain}),
        ({"filename": []}, {old, new, plain}),
        ({"chapter": ["Gaits"]}, {old}),
        ({"chapter": ["Legs", "Balance"]}, {new, plain}),
        ({"section": ["Trot"]}, {old}),
        ({"section": ["4.2"]}, {new}),
        ({"version": [1]}, {old, new, plain}),
        ({"version": [2]}, set()),
        ({"metadata": {"author": ["A"]}}, {plain}),
        ({"metadata": {"author": ["A", "A = B"]}}, {new, plain}),
        ({"metadata": {"author": ["A = B"], "section": ["4.2"]}}, {new}),
        ({"metadata": {"author = A": ["B"]}}, set()),
        ({"date": {"since": "2020-01-01"}}, {new}),
        ({"date": {"before": "2024-02-29T11:00:00Z"}}, {old}),
        ({"date": {"since": "2024-02-29T11:00:00Z"}}, {new}),
        ({"not": [{"filename": [old]}]}, {new, plain}),
        ({"not": [{"filename": [old]}, {"chapter": ["Legs"]}]}, {new}),
        ({"or": [{"filename": [old]}, {"metadata": {"author": ["A"]}}]}, {old, plain}),
        ({"and": [{"section": ["Sway"]}, {"version": [1]}]}, {new}),
        ({"filename": [old, new], "not": [{"date": {"since": "2020-01-01"}}]}, {old}),
        (
            {"or": [{"not": [{"filename": [old]}], "version": [1]}, {"section": ["x"]}]},
            {new, plain},
        ),
    ]
    for filters, wanted in cases:
        answer = await client.post("/v1/retrieve", json={"question": "legs", "filters": filters})
        assert answer.status_code == 200, answer.text
        found = {chunk["filename"] for chunk in answer.json()["chunks"]}
        assert found == wanted, filters


async def test_a_filter_that_is_none_is_refused_by_its_place(client: httpx.AsyncClient) -> None:
    body = {"question": "legs", "filters": {"or": [{"date": {"since": "soon"}}]}}
    refused = await client.post("/v1/retrieve", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "filters.or.0.date.since"
