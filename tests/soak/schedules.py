"""Random lives of a few documents, and at which exchanges their workers die.

All of a schedule follows from the run's seed and its own number, but for what clocks decide.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote_plus

from tests.soak.boundaries import BOUNDARIES, MOMENTS, Boundary
from tests.soak.instant_model import SLOWLY
from tests.soak.wire import Moment

CHECKPOINT = 4
# Two more than a tenant may have under way.
_CROWD = 22
_MOST_PARTS = 14
_ALONE = ("length", "resumption", "slowness", "illegibility", "a loss")
_ONCE = ("a crowd", "a loss")
_LIVES = {
    "versions": 2,
    **dict.fromkeys(("removal", "slowness", "a crowd", "illegibility", "a loss"), 1),
}
_WORDS = (
    "the hand holds a cup while its arm turns and every joint tells where it stands to a loop "
    "that runs a thousand times in each second of a walk over stones that no map has"
).split()


# How the messages and the claims of a dead worker come back; "never" is for messages only.
Returns = Literal["at once", "in time", "never"]


@dataclass
class Death:
    boundary: Boundary
    moment: Moment
    # How often the exchange is survived before.
    survived: int = 0

    def __str__(self) -> str:
        return f"{self.boundary.function}: {self.boundary.exchange}, {self.moment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """New bytes under a name, or None when it is removed, then a pause.

    S3 tells of it once for each of `delays`, in seconds; with none it is told of with the next
    change. With `pause` None the next change comes when all is as it has to be.
    """

    filename: str
    text: str | None
    sequencer: str
    delays: Sequence[int]
    pause: float | None


@dataclass(kw_only=True)
class Schedule:
    number: int
    tenant: str
    changes: Sequence[Change]
    deaths: list[Death]
    returns: Returns
    died: list[str] = field(default_factory=list)
    # Its workers that may hold claims now.
    claiming: int = 0

    def ends(self, function: str, exchange: str, moment: Moment) -> bool:
        """Whether a worker dies now; each of the planned deaths is waited for in its turn."""
        if not self.deaths:
            return False
        death = self.deaths[0]
        if (*death.boundary[:2], death.moment) != (function, exchange, moment):
            return False
        death.survived -= 1
        if death.survived >= 0:
            return False
        self.died.append(str(self.deaths.pop(0)))
        return True

    def last_texts(self, upto: Change | None = None) -> dict[str, str | None]:
        """What is under each name after all changes, or after one of them."""
        count = len(self.changes) if upto is None else self.changes.index(upto) + 1
        return {change.filename: change.text for change in self.changes[:count]}

    def __str__(self) -> str:
        changes = [
            f"{c.filename} {'removed' if c.text is None else _hash(c.text)} told {list(c.delays)}"
            for c in self.changes
        ]
        return f"schedule {self.number} of {self.tenant}: {changes}; died at {self.died}"


def make(seed: int, number: int, tenant: str) -> Schedule:
    """The first ones are simple, so that each boundary comes about at both moments."""
    chance = random.Random(f"{seed}/{number}")
    turn, place = divmod(number, len(BOUNDARIES))
    simple = turn < len(MOMENTS)
    boundary = BOUNDARIES[place]
    moment = MOMENTS[(place + turn) % 2]
    deaths = [Death(boundary, moment, 0 if simple else chance.choice((0, 0, 0, 1)))]
    if boundary.needs == "resumption":
        # It takes a death after a checkpoint to go on from one.
        deaths.insert(0, Death(BOUNDARIES[0], "unanswered"))
    if boundary.needs == "a loss":
        # With its message lost, a document has nothing but its deadline.
        deaths.insert(0, Death(BOUNDARIES[0], "unsent"))
    if not simple and chance.random() < 0.4:
        anywhere = [boundary for boundary in BOUNDARIES if not boundary.needs]
        deaths.append(Death(chance.choice(anywhere), chance.choice(MOMENTS)))
    return Schedule(
        number=number,
        tenant=tenant,
        changes=_changes(chance, boundary.needs, simple),
        deaths=deaths,
        returns="never"
        if boundary.needs == "a loss"
        else chance.choices(("at once", "in time"), (9, 0 if simple else 1))[0],
    )


def _changes(chance: random.Random, needs: str, simple: bool) -> list[Change]:
    # What is slow enough without others stays alone.
    files = 1 if needs in _ALONE else _CROWD if needs == "a crowd" else chance.choice((1, 1, 2, 3))
    names = [f"file {n}+é.md" for n in range(files)]
    lives = [_life(chance, name, needs, simple) for name in names]
    pauses: Sequence[float | None] = (0.0, 0.1, 0.5, 1.0, 3.0, None)
    if simple and needs in ("versions", "removal"):
        pauses = (None,)
    changes: list[Change] = []
    while any(lives):
        name, life = chance.choice([pair for pair in zip(names, lives, strict=True) if pair[1]])
        text, together = life.pop(0), needs == "a crowd" and any(lives)
        changes.append(
            Change(
                filename=name,
                text=text,
                # Their lengths differ in S3 too; the order is that of their beginnings.
                sequencer=f"{len(changes) + 1:06X}" + chance.choice(("", "0", "7F")),
                delays=[] if together else _delays(chance, needs),
                pause=0.0 if together else chance.choice(pauses),
            )
        )
    return changes


def _delays(chance: random.Random, needs: str) -> list[int]:
    if needs == "a loss":
        return [0]
    return chance.choices((0, 0, 0, 1, 2, 4), k=chance.choice((1, 1, 2, 3)))


def _life(chance: random.Random, name: str, needs: str, simple: bool) -> list[str | None]:
    """What is put under a name, one after the other; former bytes may come back."""
    takes = [_text(chance, f"{name} take {take}", needs) for take in range(2)]
    count = _LIVES.get(needs) or (1 if simple else chance.choice((1, 1, 2, 3)))
    life: list[str | None] = [takes[n % 2] for n in range(count)]
    if needs == "removal" or (not simple and needs not in _ONCE and chance.random() < 0.15):
        life.append(None)
        if not simple and chance.random() < 0.4:
            life.append(chance.choice(takes))
    return life


def _text(chance: random.Random, title: str, needs: str) -> str:
    """As many chunks as sections: each is too long to be joined to another, and fits in one."""
    if needs == "illegibility":
        return ""
    least = 2 * CHECKPOINT + 1 if needs in ("length", "resumption", "slowness") else 1
    most = 2 if needs == "a crowd" else _MOST_PARTS
    pace = f" {SLOWLY}" if needs == "slowness" else ""
    sections = [
        f"## Section {n}\n\nThis is section {n} of {_hash(title)}{pace}. "
        + " ".join(chance.choices(_WORDS, k=90))
        + "."
        for n in range(chance.randint(least, most))
    ]
    return "\n\n".join((f"# {title}", *sections))


def sections(text: str) -> list[str]:
    """What each of a text's chunks has to hold; nothing for what cannot be read."""
    return [line.partition(".")[0] for line in text.splitlines() if line.startswith("This is")]


def record(change: Change, key: str) -> dict[str, Any]:
    """S3's word of it, with a sequencer, which moto's own lacks."""
    size = len((change.text or "").encode())
    stored = {"key": quote_plus(key), "size": size, "sequencer": change.sequencer}
    name = "ObjectRemoved:Delete" if change.text is None else "ObjectCreated:Put"
    return {"eventName": name, "s3": {"object": stored}}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
