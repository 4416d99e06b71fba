"""What `quire smoke` lets pass, and what not."""

from typing import Any

import pytest

from cli.client import Failed
from cli.smoke.checking import check_answer, check_certificate

# Its second sentence begins at another place in UTF-16 and in UTF-8.
TEXT = "🗼 é. Two hundred steps."
DOCUMENT = {"id": "d", "version": 2}


def citation(**changed: Any) -> dict[str, Any]:
    start = TEXT.index("Two")
    place = {"start": start, "end": len(TEXT), "cited_text": TEXT[start:]}
    return {"index": 1, "document_id": "d", "version": 2, **place, **changed}


def answer(**changed: Any) -> dict[str, Any]:
    whole = {"message_id": "m", "model": "x", "persisted": True, "citations": [citation()]}
    return whole | changed


def test_an_answer_that_stands() -> None:
    seen = check_answer(answer(), document=DOCUMENT, text=TEXT)
    assert seen == "1 of 1 citations hold, x"


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"degraded": "model"}, "without what is needed: model"),
        ({"persisted": False}, "was not stored"),
        ({"citations": []}, "cites nothing"),
        ({"citations": [citation(), citation(document_id="e")]}, "of another document"),
        ({"citations": [citation(version=1)]}, "another version"),
        ({"citations": [citation(cited_text="Two hundred stops.")]}, "does not hold"),
        # As who counts in UTF-16 would have it.
        ({"citations": [citation(start=6, end=len(TEXT) + 1)]}, "does not hold"),
        ({"citations": [citation(start=-18)]}, "does not hold"),
        ({"citations": [citation(start=3, end=3, cited_text="")]}, "does not hold"),
    ],
)
def test_an_answer_that_does_not(wrong: dict[str, Any], cause: str) -> None:
    with pytest.raises(Failed, match=cause):
        check_answer(answer(**wrong), document=DOCUMENT, text=TEXT)


REMOVED = {"points": 1, "originals": 1, "texts": 1, "chunks": 1, "answers": 0}


def test_a_certificate_that_stands() -> None:
    seen = check_certificate({"document_id": "d", "removed": REMOVED}, document=DOCUMENT)
    assert seen == "certified as gone: originals 1, texts 1, chunks 1, points 1"


@pytest.mark.parametrize(
    ("certificate", "cause"),
    [
        (None, "no certificate"),
        ({}, "no certificate"),
        ({"document_id": "e", "removed": REMOVED}, "no certificate"),
        ({"document_id": "d", "removed": REMOVED | {"points": 0, "texts": 0}}, "no texts, points"),
    ],
)
def test_a_certificate_that_does_not(certificate: dict[str, Any] | None, cause: str) -> None:
    with pytest.raises(Failed, match=cause):
        check_certificate(certificate, document=DOCUMENT)
