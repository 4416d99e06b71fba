"""Links in an answer: active where the model was given them, and else text, as the answer streams.

A hostile document may have the model write a link that carries away what it was shown, or an
image, which is fetched as soon as it is seen. So a URL is shown if it stands, as a whole, in what
the model was given; any other is left out. What else Markdown or HTML would make something of (a
destination that is no such URL, an image, a tag with attributes, an address nobody gave) gets a
space where that takes it apart, and loses no character. Whether it stands in code makes no
difference: renderers do not agree on that (ADR 21).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from html import unescape

from functions.chat.urls import BEGINS, BEGUN, Given, address_begin, gap, is_url, rest_end

LEFT_OUT = "(link removed)"

# Where something may begin, or may with the next words.
_TRIGGER = re.compile(
    r"[:\]!<@&](?:(?<=:)\\?(?:/|\Z)|(?<=\])[(:]|(?<=!)\[|(?<=<)[a-z/!?]|(?<=@)\w|(?<=&)[#a-z]|\Z)"
    rf"|(?<![a-z0-9])(?:{BEGINS}|{BEGUN})",
    re.IGNORECASE,
)
_URL = re.compile(BEGINS, re.IGNORECASE)
_SLASHES = re.compile(r":(?:\\?/){2}")
_SLASHES_BEGUN = re.compile(r":\\?(?:/\\?)?\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_ACTING = ("javascript", "vbscript", "data")  # URLs that do something by themselves
_DESTINATION = re.compile(r"\][(:]\s{0,20}<?")
_DESTINATION_BEGUN = re.compile(rf"\](?:[(:]\s{{0,20}}<?(?:{BEGUN})?)?\Z", re.IGNORECASE)
# A paragraph that may define a link: a line of it begins with a bracket.
_DEFINING = re.compile(r"(?:\A|[\r\n])[\s>*+\d.)-]*\[")
_TAG = re.compile(r"</?(?P<name>[A-Za-z][A-Za-z0-9-]{0,40})(?P<next>.?)", re.DOTALL)
# Up to where it is a tag, and no attribute of it can have a value: in raw HTML, a name is anything.
_PLAIN = re.compile(r"[^=>]{0,63}(?P<end>[=>]|\Z)?")
_AUTOLINK_BEGUN = re.compile(r"<https?:/?\Z", re.IGNORECASE)
_ACTING_TAGS = ("script", "style")  # without attributes
_DOMAIN = re.compile(r"@[\w.-]{1,63}")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ENTITY_BEGUN = re.compile(r"&[#A-Za-z0-9]{0,32}\Z")
_SPELLING = re.compile(r"[A-Za-z0-9:/.@?=_~+#%()\[\]!\\-]")
_WORD = 64  # characters of a scheme or an address that are looked back at

# What is shown, and where to go on; None while it takes more to tell.
Seen = tuple[str, int] | None
Rule = Callable[[str, int, str, bool], Seen]


class Disarmer:
    """Takes an answer's text piece by piece; answers with what is shown of it by now.

    `given` is all that the model was told: it is read once there is something to look for. What is
    `held` is not shown yet.
    """

    def __init__(self, given: Iterable[str]) -> None:
        self._given = Given(given)
        self.held = ""
        self._leaving_out = False
        self._rules: Mapping[str, Rule] = {
            "h": self._url,
            "w": self._url,
            ":": self._scheme,
            "]": self._destination,
            "@": self._address,
            "!": _image,
            "<": _tag,
            "&": _entity,
        }

    def feed(self, piece: str, before: str) -> str:
        """What can be shown after `before`, which is all that was shown so far."""
        if self.held or self._leaving_out or piece[:1] in "(:" or _TRIGGER.search(piece):
            return self._look(piece, before, last=False)
        return piece

    def finish(self, before: str, *, number: bool = False) -> str:
        """What was held back; a `number` that comes next is no part of a URL."""
        shown = self._look("", before, last=True)
        return f"{shown} " if number and _ends_in_url(before + shown) else shown

    def _look(self, piece: str, before: str, *, last: bool) -> str:
        text, at = self.held + piece, 0
        shown = " " if not self.held and _links_number(text, before) else ""
        while True:
            if self._leaving_out:
                at, whole = rest_end(text, at, last=last)
                if not whole:
                    break
                self._leaving_out = False
            trigger = _TRIGGER.search(text, at)
            if trigger is None:
                shown, at = shown + text[at:], len(text)
                break
            shown, at = shown + text[at : trigger.start()], trigger.start()
            seen = self._rules[text[at].lower()](text, at, before + shown, last)
            if seen is None:
                break
            shown, at = shown + seen[0], seen[1]
            self._leaving_out = seen[0] == LEFT_OUT
        self.held = text[at:]
        return shown

    def _url(self, text: str, at: int, before: str, last: bool) -> Seen:
        begins = _URL.match(text, at)
        if _is_word(before[-1:]):
            return text[at], at + 1
        if begins is None:
            return (text[at], at + 1) if last else None
        end = self._given.url_end(begins[0], text, begins.end(), last=last)
        if end is None:
            return None
        return (text[at:end] + gap(text, end), end) if end else (LEFT_OUT, begins.end())

    def _scheme(self, text: str, at: int, before: str, last: bool) -> Seen:
        """Of another URL than the web's, or right behind a letter: its scheme is shown already."""
        slashes, scheme = _SLASHES.match(text, at), _SCHEME.search(_unescaped(before))
        if slashes is None:
            return None if _SLASHES_BEGUN.match(text, at) and not last else (":", at + 1)
        if scheme is None:
            return ":", at + 1
        end: int | None = 0
        if scheme[0].lower() not in _ACTING:
            end = self._given.url_end(f"{scheme[0]}://", text, slashes.end(), last=last)
        if end is None:
            return None
        return (text[at:end] + gap(text, end), end) if end else (LEFT_OUT, slashes.end())

    def _destination(self, text: str, at: int, before: str, last: bool) -> Seen:
        """`[words](where)` and `[name]: where`."""
        to = _DESTINATION.match(text, at)
        if _DESTINATION_BEGUN.match(text, at) and not last:
            return None
        if to is None or (text[at + 1] == ":" and not _defines(before)):
            return "]", at + 1
        begins = _URL.match(text, to.end())
        if begins is None or begins[0].lower() == "www.":
            return "] ", at + 1
        end = self._given.url_end(begins[0], text, begins.end(), last=last)
        if end is None:
            return None
        return (text[at : at + 2], at + 2) if end else ("] ", at + 1)

    def _address(self, text: str, at: int, before: str, last: bool) -> Seen:
        """Of an address that was given all that goes with it was: a scheme, a path, a query."""
        domain, begin = _DOMAIN.match(text, at), address_begin(before)
        if domain is None or not begin:
            return None if at + 1 == len(text) and not last else ("@", at + 1)
        if domain.end() == len(text) and not last and len(domain[0]) < _WORD:
            return None
        if len(domain[0]) < _WORD and "." not in domain[0].rstrip(".-_"):
            return "@", at + 1  # a name
        end = self._given.address_end(begin, text, at, last=last)
        if end is None:
            return None
        if not end:
            return "@ ", at + 1
        address = text[at:end]
        return address + (gap(text, end) if is_url(begin + address) else ""), end


def disarmed(text: str, given: Iterable[str]) -> str:
    """The whole text as a stream of it would be shown."""
    disarmer = Disarmer(given)
    shown = disarmer.feed(text, "")
    return shown + disarmer.finish(shown)


def _image(text: str, at: int, before: str, last: bool) -> Seen:
    """An image is fetched unasked, also a given one: it becomes a link."""
    if at + 1 == len(text):
        return ("!", at + 1) if last else None
    return "! ", at + 1


def _tag(text: str, at: int, before: str, last: bool) -> Seen:
    """`<b>` and `Vec<T>` stay; a comment, and what has attributes or is an autolink, does not."""
    tag = _TAG.match(text, at)
    if not tag:
        if text[at + 1 :] in ("", "/") and not last:
            return None
        return ("< " if text[at + 1 : at + 2] in tuple("!?") else "<"), at + 1
    following = tag["next"]
    if not following or _AUTOLINK_BEGUN.match(text, at):
        return ("<", at + 1) if last else None
    if following == ">":
        return ("< " if tag["name"].lower() in _ACTING_TAGS else "<"), at + 1
    if _URL.match(text, at + 1):
        return "<", at + 1
    if following.isspace() or following.isalnum() or following in "/:@-=\"'":
        return "< ", at + 1
    plain = _PLAIN.match(text, tag.start("next"))
    assert plain  # of nothing, at least
    if plain["end"] == "" and not last:
        return None
    return ("<" if plain["end"] in (">", "") else "< "), at + 1


def _entity(text: str, at: int, before: str, last: bool) -> Seen:
    entity = _ENTITY.match(text, at)
    if entity is None:
        return None if _ENTITY_BEGUN.match(text, at) and not last else ("&", at + 1)
    # A letter that is spelled so could complete any of the others.
    hidden = _SPELLING.search(unescape(entity[0]))
    return ("& " if hidden else "&"), at + 1


def _links_number(text: str, before: str) -> bool:
    """Whether a citation's number, shown last, would become a link with what comes now."""
    if not before.endswith("]"):
        return False
    return text[:1] == "(" or (text[:1] == ":" and _defines(before))


def _defines(before: str) -> bool:
    return bool(_DEFINING.search(before.rpartition("\n\n")[2]))


def _ends_in_url(shown: str) -> bool:
    word = "" if shown[-1:].isspace() else "".join(shown.rsplit(None, 1)[-1:])
    return "www." in word.lower() or is_url(word)


def _unescaped(before: str) -> str:
    """The last word, also if its end is escaped, which changes nothing in Markdown."""
    return before[-_WORD:].rstrip("\\")


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()
