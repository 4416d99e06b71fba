"""Prompts: the files of `prompts/` as the system's words, the sources and the question as the
user's. The system's part never varies, so that vendors can cache it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from xml.sax.saxutils import quoteattr

from quire.domain import Message, Prompt, Source
from quire.tokens import count_tokens

HISTORY_TOKENS = 1_500


def answer_prompt(question: str, sources: Sequence[Source], history: Sequence[Message]) -> Prompt:
    """Ask from the sources, with as much of the newest history as its budget takes."""
    passages = "\n".join(_passage(source) for source in sources)
    asked = f"<passages>\n{passages}\n</passages>\n\nQuestion: {question}"
    earlier = [{"role": m.role, "content": m.content} for m in _newest(history)]
    return _prompt("answer", earlier, asked)


def selection_prompt(question: str, selection: str) -> Prompt:
    """Ask from the caller's selection, and from nothing else."""
    return _prompt(
        "selection", (), f"<selection>\n{selection}\n</selection>\n\nQuestion: {question}"
    )


def _prompt(name: str, earlier: Iterable[Mapping[str, str]], asked: str) -> Prompt:
    system = _template(name)
    messages = [
        {"role": "system", "content": system},
        *earlier,
        {"role": "user", "content": asked},
    ]
    digest = hashlib.sha256(system.encode()).hexdigest()[:16]
    return Prompt(name=name, hash=digest, messages=messages)


@cache
def _template(name: str) -> str:
    return (Path(__file__).parent / "prompts" / f"{name}.md").read_text(encoding="utf-8")


def _passage(source: Source) -> str:
    title = quoteattr(source.title)
    heading = quoteattr(" › ".join(source.heading))
    return (
        f'<passage index="{source.index}" title={title} heading={heading}>\n'
        f"{source.text}\n</passage>"
    )


def _newest(history: Sequence[Message]) -> list[Message]:
    kept: list[Message] = []
    budget = HISTORY_TOKENS
    for message in reversed(history):
        budget -= count_tokens(message.content)
        if budget < 0:
            break
        kept.append(message)
    return kept[::-1]
