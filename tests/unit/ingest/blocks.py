"""Blocks and words to cut."""

from quire.domain import Block, BlockKind


def block(text: str, kind: BlockKind = "paragraph", *heading: str) -> Block:
    return Block(text=f"{text}\n\n", kind=kind, heading=heading)


def words(number: int, word: str = "word") -> str:
    return " ".join([word] * number)
