"""Words that are not ours, as they may stand in a prompt: data that cannot pass for more.

A passage may be anybody's, its title and headings too. What the model sees of them closes no fence,
numbers no sentence, begins no message and hides nothing. What is cited is the text as it is: the
model names sentences by number, so nothing here has to be undone (ADR 21).
"""

import re

from quire.visible import visible

# Emoji need two of them in a row; more would spell something.
_HIDDEN = re.compile(r"([\u200c\u200d\ufe00-\ufe0f]{2})[\u200c\u200d\ufe00-\ufe0f]+")

# The tags around what we quote, and the tokens by which chat templates of open models part
# messages: some servers take those for what they say wherever they stand.
_TAG = re.compile(
    r"<(?=\s{0,9}/?\s{0,9}(?:passages?|selection|conversation|s|bos|eos|unk|pad|(?:start|end)_of_turn)\b"
    r"|[|｜][^\s<>]{1,40}[|｜]>|</?SYS>>)",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(r"\[(?=/?INST\])")

# Brackets with a sentence's number in them, however it is written, or with what is cut of one.
_NUMBER = re.compile(
    r"[\[【［][\s,;，；、\d\[【［–—-]{0,40}\d[.．](?:\d|\Z)[\d.．\s,;，；、–—\-\[【［\]】］]*"
)
BRACKETS = str.maketrans("[]【】［］", "⟦⟧⟦⟧⟦⟧")


def fenced(text: str) -> str:
    """The text as the model may see it: other brackets, and nothing hidden."""
    seen = visible(text)
    if not seen.isascii():
        seen = _HIDDEN.sub(r"\1", seen)
    seen = _TAG.sub("‹", seen)
    seen = _INSTRUCTION.sub("⟦", seen)
    if any(bracket in seen for bracket in "[【［"):
        seen = _NUMBER.sub(lambda number: number[0].translate(BRACKETS), seen)
    return seen
