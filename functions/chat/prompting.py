"""Prompts: the files of `prompts/` as the system's words, the sources and the question as the
user's. The system's part varies only with who asks, so that vendors can cache it. All that is
neither ours nor an administrator's is fenced.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from xml.sax.saxutils import quoteattr

from functions.chat.fencing import fenced
from functions.chat.sentences import sentences
from quire.domain import Message, Persona, Prompt, Source
from quire.tokens import count_tokens

HISTORY_TOKENS = 1_500


def answer_prompt(
    question: str,
    sources: Sequence[Source],
    history: Sequence[Message],
    *,
    persona: Persona,
    instructions: str = "",
) -> Prompt:
    """Ask from the sources, with as much of the newest history as its budget takes.

    `instructions` are the caller's own, and come before ours as the persona's do: what is said
    last of citations holds.
    """
    passages = "\n".join(_passage(source) for source in sources)
    asked = f"<passages>\n{passages}\n</passages>\n\nQuestion: {fenced(question)}"
    earlier = [{"role": m.role, "content": fenced(m.content)} for m in newest(history)]
    return _prompt("answer", earlier, asked, about=_about(persona, instructions))


def selection_prompt(question: str, selection: Source) -> Prompt:
    """Ask from the caller's selection, and from nothing else: no history, no persona."""
    asked = f"<selection>\n{_numbered(selection)}\n</selection>\n\nQuestion: {fenced(question)}"
    return _prompt("selection", (), asked, about="")


def standalone_prompt(question: str, history: Sequence[Message]) -> Prompt:
    """Ask for a follow-up in words that need no conversation before them."""
    spoken = "\n".join(_spoken(message) for message in newest(history))
    asked = f"<conversation>\n{spoken}\n</conversation>\n\nFollow-up: {fenced(question)}"
    return _prompt("standalone", (), asked, about="")


def hypothesis_prompt(question: str) -> Prompt:
    """Ask for a passage as it might answer the question."""
    return _prompt("hypothesis", (), f"Question: {fenced(question)}", about="")


def prompt_hash(name: str, instructions: str) -> str:
    """Of all that the system says, but for the persona."""
    return _hash(_system(name, instructions))


def newest(history: Sequence[Message]) -> list[Message]:
    """As many of the last messages as the budget takes, oldest first."""
    kept: list[Message] = []
    budget = HISTORY_TOKENS
    for message in reversed(history):
        budget -= count_tokens(message.content)
        if budget < 0:
            break
        kept.append(message)
    return kept[::-1]


def _prompt(name: str, earlier: Iterable[Mapping[str, str]], asked: str, *, about: str) -> Prompt:
    system = _system(name, about)
    messages = [
        {"role": "system", "content": system},
        *earlier,
        {"role": "user", "content": asked},
    ]
    return Prompt(name=name, hash=_hash(system), messages=messages)


def _system(name: str, about: str) -> str:
    return f"{about}\n\n{_template(name)}" if about else _template(name)


def _hash(system: str) -> str:
    return hashlib.sha256(system.encode()).hexdigest()[:16]


def _about(persona: Persona, instructions: str) -> str:
    said = [
        f"You are {persona.name}." if persona.name else "",
        persona.instructions or "",
        instructions,
        f"When you cannot answer, say: {persona.refusal}" if persona.refusal else "",
    ]
    return "\n\n".join(filter(None, said))


@cache
def _template(name: str) -> str:
    return (Path(__file__).parent / "prompts" / f"{name}.md").read_text(encoding="utf-8")


def _passage(source: Source) -> str:
    title = quoteattr(fenced(source.title))
    heading = quoteattr(fenced(" › ".join(source.heading)))
    return (
        f'<passage index="{source.index}" title={title} heading={heading}>\n'
        f"{_numbered(source)}\n</passage>"
    )


def _spoken(message: Message) -> str:
    """A message under its role; its further lines are set in, so that none begins another."""
    return f"{message.role}: {fenced(message.content)}".replace("\n", "\n  ")


def _numbered(source: Source) -> str:
    """The text, sentence by sentence, each with what it is cited by."""
    return "\n".join(
        f"[{source.index}.{number}] {fenced(source.text[start:end])}"
        for number, (start, end) in enumerate(sentences(source.text), start=1)
    )
