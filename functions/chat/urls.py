"""URLs and addresses in running text: where one begins and ends, and which were given."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

BEGINS = r"(?:https?://|www\\?\.)"
BEGUN = r"(?:h|ht|htt|https?:?/?|ww?w?|www\\)\Z"  # the last letters may become one

# What a URL is made of, parentheses in pairs. Stops at its end are the sentence's.
_STOP = r"[.,;:!?*_~']"
_PART = r"""[^\s<>"`()\[\]{}|\\，。；：！？、（）【】《》「」『』“”‘’—]"""
_PAIR = rf"\({_PART}{{0,64}}\)"
# So many stops are no part of any: nobody waits for what may come behind them.
_BODY = rf"(?:(?!{_STOP}){_PART}|{_STOP}{{1,20}}(?!{_STOP})|{_PAIR})+"
_URL = re.compile(
    rf"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{{1,30}}://|www\.){_BODY}", re.IGNORECASE
)
# What somebody takes for a part of an address: a scheme before it, a path or a query behind it.
_MORE = "/?#&:;=%$!^"
_BEFORE = re.compile(rf"""[\w.+,"\\{_MORE}-]*\Z""")
_LOCAL = re.compile(r"[\w.+-]+\Z")
_ADDRESS = re.compile(rf"(?P<domain>@[\w-]+(?:\.[\w-]+)*)(?:[@+{_MORE}]{_BODY})?")
_MORE_BEGUN = re.compile(rf"[@+{_MORE}]?{_STOP}{{0,20}}(?:\({_PART}{{0,64}})?\Z")
_LONGEST = 256  # characters before an "@"; no longer ones are given
_RUN = re.compile(r"[^\s<>]*")
_WHOLE = re.compile(_BODY)
_STOPS = re.compile(rf"{_STOP}*\Z")
_HALF_PAIR = re.compile(rf"\({_PART}{{0,64}}\Z")
# What may close the sentence, or the quotation, that a URL ends.
_CLOSING = re.compile(rf"""(?:{_STOP}|[)\]}}"`>|，。；：！？、）】》」』”’—]){{0,20}}""")
_SPACE = re.compile(r"\s")
_REST = re.compile(rf"(?:{_STOP}{{0,20}}(?!{_STOP}){_PART})*")
_LAST_STOPS = re.compile(rf"{_STOP}{{0,20}}\Z")


class Given:
    """The URLs and mail addresses in some texts, which are read when first asked for."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts

    @cached_property
    def urls(self) -> frozenset[str]:
        """Without a slash at their ends: models add it and leave it out."""
        found = (match[0] for text in self._texts for match in _URL.finditer(text))
        return frozenset(_plain(url) for url in found)

    @cached_property
    def addresses(self) -> frozenset[str]:
        """As they are written, with all that goes with them; and each by itself."""
        return frozenset(address for text in self._texts for address in _addresses(text))

    def url_end(self, begin: str, text: str, at: int, *, last: bool) -> int | None:
        """Where the URL ends that is `begin` and goes on in `text` at `at`, if it was given.

        0 if it was not; None while that, or what comes right behind it, takes more text to tell;
        `last` says that there is no more.
        """
        begin = begin.lower()
        run = _RUN.match(text, at)
        more = not last and run is not None and run.end() == len(text)
        if more and any(url.startswith(begin + text[at:]) for url in self.urls):
            return None
        whole = _WHOLE.match(text, at)
        if whole is None or _plain(begin + whole[0]) not in self.urls:
            return 0
        end = whole.end() - len(_stops(whole[0]))
        if not last and (_closed(text, end) == len(text) or _HALF_PAIR.match(text, whole.end())):
            return None
        return end

    def address_end(self, begin: str, text: str, at: int, *, last: bool) -> int | None:
        """The same of an address and all that goes with it: `begin` is before its "@" at `at`."""
        run, whole = _RUN.match(text, at), _ADDRESS.match(text, at)
        more = not last and run is not None and run.end() == len(text)
        if more and any(address.startswith(begin + text[at:]) for address in self.addresses):
            return None
        if whole is None or _bare(begin + whole[0]) not in self.addresses:
            return 0
        end = at + len(_bare(whole[0]))
        if not last and (_closed(text, end) == len(text) or _MORE_BEGUN.match(text, end)):
            return None
        return end


def address_begin(before: str) -> str:
    """What is before an address's "@", with a scheme if there is one; empty if it is none."""
    found = _BEFORE.search(before[-_LONGEST:])
    # What is escaped is the same to Markdown.
    begin = found[0].replace("\\", "") if found else ""
    if len(begin) < _LONGEST:
        begin = begin.lstrip(f'{_MORE},"')
    return begin if _LOCAL.search(begin) else ""


def is_url(word: str) -> bool:
    """Whether what follows may be taken for a part of it: not of somebody's mere address."""
    return "://" in word or ("@" in word and not set(_MORE).isdisjoint(word))


def gap(text: str, end: int) -> str:
    """What keeps what follows a URL from being taken for a part of it."""
    closed = _closed(text, end)
    return "" if closed == len(text) or _SPACE.match(text, closed) else " "


def rest_end(text: str, at: int, *, last: bool) -> tuple[int, bool]:
    """Where what is left of a URL ends, and whether that is all of it."""
    rest = _REST.match(text, at)
    end = rest.end() if rest else at
    return end, last or not _LAST_STOPS.match(text, end)


def _plain(url: str) -> str:
    begin, slashes, rest = url[: len(url) - len(_stops(url))].rstrip("/").partition("://")
    return f"{begin.lower()}://{rest}" if slashes else f"{begin[:4].lower()}{begin[4:]}"


def _addresses(text: str) -> Iterator[str]:
    for match in _ADDRESS.finditer(text):
        begin = address_begin(text[max(0, match.start() - _LONGEST) : match.start()])
        local = _LOCAL.search(begin)
        if local and len(begin) < _LONGEST:
            yield _bare(begin + match[0])
            yield _bare(local[0] + match["domain"])


def _bare(address: str) -> str:
    return address[: len(address) - len(_stops(address))].rstrip("-")


def _closed(text: str, end: int) -> int:
    beyond = _CLOSING.match(text, end)
    return beyond.end() if beyond else end


def _stops(url: str) -> str:
    found = _STOPS.search(url)
    return found[0] if found else ""
