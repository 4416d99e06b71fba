"""Markers in an answer ↔ sources: which source each `[n]` stands for."""

import re
from collections.abc import Sequence

from quire.domain import Citation, Source

_MARKERS = re.compile(r"(?:\s*\[\d{1,2}\])+")
_NUMBER = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"[.!?。！？][\"”»)]*\s|\n")


def cite(answer: str, sources: Sequence[Source]) -> list[Citation]:
    """A citation for every marker that names a source; a marker that names none is ignored.

    The answer span is the sentence that the marker closes; the source span is the whole source.
    """
    by_index = {source.index: source for source in sources}
    citations = []
    claim_start = 0
    for markers in _MARKERS.finditer(answer):
        claim_start = _sentence_start(answer, claim_start, markers.start())
        for number in _NUMBER.findall(markers.group()):
            source = by_index.get(int(number))
            if source and claim_start < markers.start():
                citations.append(
                    Citation(
                        index=source.index,
                        source=source,
                        cited_text=source.text,
                        start=source.start,
                        end=source.end,
                        answer_start=claim_start,
                        answer_end=markers.start(),
                    )
                )
        claim_start = markers.end()
    return citations


def _sentence_start(answer: str, begin: int, end: int) -> int:
    """Where the sentence that ends at `end` begins, not before `begin`."""
    # The sentence's own full stop may stand right before its marker.
    ends = [m.end() for m in _SENTENCE_END.finditer(answer, begin, max(begin, end - 1))]
    start = ends[-1] if ends else begin
    while start < end and not (answer[start].isalnum() or answer[start] in "\"“«'`("):
        start += 1
    return start
