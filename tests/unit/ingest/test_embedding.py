"""How texts are shared out among requests to the model."""

from uuid import UUID

import pytest

from functions.ingest.embedding import _MOST_TOKENS, Item, _batches

DOCUMENT = UUID(int=1)


def sizes(tokens: list[int], *, inputs: int) -> list[list[int]]:
    """The tokens of each batch's items."""
    items = [(bytes([n]), Item(DOCUMENT, str(n), count)) for n, count in enumerate(tokens)]
    batches = list(_batches(items, inputs))
    assert [item for batch in batches for item in batch] == items, "all, once, in their order"
    return [[item.tokens for _, item in batch] for batch in batches]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (9, [3, 3, 3])]
)
def test_a_request_has_so_many_inputs(count: int, expected: list[int]) -> None:
    assert [len(batch) for batch in sizes([10] * count, inputs=3)] == expected


def test_a_request_has_so_many_tokens() -> None:
    half = _MOST_TOKENS // 2
    assert sizes([half, half, 1], inputs=99) == [[half, half], [1]]
    assert sizes([half, half + 1, half], inputs=99) == [[half], [half + 1], [half]]


def test_a_text_of_too_many_tokens_goes_alone() -> None:
    """Whether the model takes it is the model's to say; its neighbours are not lost with it."""
    assert sizes([1, _MOST_TOKENS + 1, 1], inputs=99) == [[1], [_MOST_TOKENS + 1], [1]]
