"""What of a text people see: the rest they neither ask, read nor name anything by."""

import re

# Nobody sees these, models do: Unicode's tags, which spell ASCII; marks that turn the direction
# of text; controls: all that Unicode calls Default_Ignorable_Code_Point, Bidi_Control or Cc, but
# for white space, and for joiners and variation selectors, which are part of words and emoji.
_UNSEEN = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{_UNSEEN}]+")
# By themselves those that are part of words show nothing either, nor does Braille's blank.
_SEEN = re.compile(rf"[^\s{_UNSEEN}\u200c\u200d\u2800\ufe00-\ufe0f]")


def visible(text: str) -> str:
    """The text without what cannot be seen."""
    # So it mostly is: a turn asks this of every word.
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", text)


def is_blank(text: str) -> bool:
    """Whether nothing of it can be seen."""
    return not _SEEN.search(text)
