"""Where in a document one is: the headings that are open, outermost first."""

from itertools import takewhile

# (level, title), levels rising.
Outline = tuple[tuple[int, str], ...]

# A heading path is embedded in front of every passage under it, so it has to stay short.
_LONGEST = 200


def enter(outline: Outline, level: int, title: str) -> Outline:
    """Return the outline after a heading, which ends those of its level and below."""
    outer = takewhile(lambda heading: heading[0] < level, outline)
    return (*outer, (level, " ".join(title[: 2 * _LONGEST].split())[:_LONGEST]))


def path(outline: Outline) -> tuple[str, ...]:
    return tuple(title for _, title in outline if title)
