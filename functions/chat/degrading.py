"""What is said without a model: the best passages, quoted, in the form that a model would cite."""

import re
from collections.abc import Iterator, Sequence

from functions.chat.fencing import BRACKETS
from functions.chat.sentences import is_proof, sentences
from quire.domain import Source

_INTRODUCTION = "The language model is not available now, so here are the words of the sources:\n"
_MOST_SOURCES = 3
_MOST_SENTENCES = 2
_WORD = re.compile(r"\w{3,}")


def quote_best(question: str, sources: Sequence[Source]) -> Iterator[str]:
    """Of the first sources, the sentences that share most words with the question."""
    yield _INTRODUCTION
    asked = set(_WORD.findall(question.lower()))
    for source in sources[:_MOST_SOURCES]:
        spans = sentences(source.text)
        shared = [
            len(asked & set(_WORD.findall(source.text[start:end].lower()))) for start, end in spans
        ]
        proofs = [i for i, span in enumerate(spans) if is_proof(source.text, span)]
        best = sorted(proofs, key=lambda i: -shared[i])[:_MOST_SENTENCES]
        for i in sorted(best):
            words = " ".join(source.text[slice(*spans[i])].split())
            # Brackets with numbers in what is quoted would be taken for the model's.
            yield f"\n“{words.translate(BRACKETS)}” [{source.index}.{i + 1}]"
