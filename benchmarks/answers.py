"""What the words of a turn cost beside the model: its prompt, and its answer token by token.

python -m benchmarks.answers
"""

import time
from collections.abc import Callable, Sequence

from functions.chat.citing import Citer
from functions.chat.prompting import answer_prompt
from quire.domain import Persona, Source

TEXT = (
    "Gears wear out over time in any gearbox, see https://robots.example/gears for it. Motors "
    "heat up under load, and so do humans. "
) * 8
SOURCES = [
    Source(index=i, text=f"{TEXT}{i}", start=0, end=len(TEXT) + 1, score=1.0, title="Gears")
    for i in range(1, 9)
]
WORDS = [
    f" {word}" for word in ("Gears wear out: the grease (often) is hot [1.2]. " * 5).split(" ")
]
PLAIN = WORDS[:40]
LINK = [" [", "see", "](", "https", "://", "robots", ".example", "/gears", ")", "."]
ROUNDS, TURNS = 9, 200


def microseconds(work: Callable[[], object]) -> float:
    """Of CPU, the least of some rounds."""
    work()
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TURNS):
            work()
        took.append((time.process_time() - began) / TURNS)
    return min(took) * 1e6


def cite(tokens: Sequence[str], given: Sequence[str]) -> None:
    citer = Citer(SOURCES, given)
    for token in tokens:
        list(citer.feed(token))
    list(citer.finish())


def prompt() -> list[str]:
    asked = answer_prompt("Why?", SOURCES, (), persona=Persona())
    return [message["content"] for message in asked.messages]


def main() -> None:
    given = prompt()
    for name, work in (
        (f"prompt of {len(SOURCES)} passages, {len(TEXT)} characters each", prompt),
        (f"answer of {len(PLAIN)} tokens", lambda: cite(PLAIN, given)),
        (f"the same with a link in {len(LINK)} of them", lambda: cite(PLAIN[:30] + LINK, given)),
    ):
        print(f"{name:<55} {microseconds(work):6.0f} µs")


if __name__ == "__main__":
    main()
