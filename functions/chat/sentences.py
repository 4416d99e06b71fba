"""A passage's sentences: what the model is shown with numbers, and what a citation quotes."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from sentencex import get_sentence_boundaries

from quire.tokens import count_tokens
from quire.visible import visible

# What is shorter proves nothing: it goes with what follows it in its paragraph, and a heading,
# which nothing follows there, cannot be cited.
_FEWEST_TOKENS = 5
# Listings and tables have no full stops: what is longer is cut at the ends of its lines.
_LONGEST = 400

Span = tuple[int, int]


@lru_cache(256)  # the prompt numbers what the answer's markers are looked up in
def sentences(text: str) -> Sequence[Span]:
    """(start, end) of each, in code points, without white space around them.

    No two overlap, and what is between them is white space.
    """
    spans: list[Span] = []
    for start, end in _stretches(text):
        if spans and not is_proof(text, spans[-1]) and "\n\n" not in text[spans[-1][1] : start]:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def is_proof(text: str, span: Span) -> bool:
    """Whether a quotation of it would say enough to who reads it."""
    return count_tokens(visible(text[slice(*span)])) >= _FEWEST_TOKENS


def _stretches(text: str) -> Iterator[Span]:
    """Sentences and long ones' lines, trimmed, the empty ones left out."""
    for found in get_sentence_boundaries("en", text):
        start, end = found["start_index"], found["end_index"]
        if end - start <= _LONGEST:
            yield from _trimmed(text, start, end)
            continue
        for line in text[start:end].splitlines(keepends=True):
            yield from _trimmed(text, start, start + len(line))
            start += len(line)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    stretch = text[start:end]
    inner = stretch.strip()
    if inner:
        start += len(stretch) - len(stretch.lstrip())
        yield start, start + len(inner)
