"""Markers in an answer ↔ sentences of its sources, as the answer streams.

The model is shown numbered sentences and marks what it says with their numbers: `[2.3]` is the
third sentence of the second source. The reader is shown `[2]`, and a citation that quotes the
sentence. A marker that names no sentence is taken out, and counted.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from functions.chat.disarming import Disarmer
from functions.chat.events import Cited, ResponseChunk
from functions.chat.sentences import Span, is_proof, sentences
from quire.domain import Citation, Source
from quire.visible import visible

# As models write them: [2.3], [ 2.3 ], [2.3-5], [2.3, 4.1,], [2.3 [4.1]], [[2.3], [4.1]], 【2.3】,
# \[2.3\], and [2], which names no sentence.
_OPEN, _CLOSE = r"\\?[\[【［]", r"\\?[\]】］]"
_ID = r"\d{1,3}(?:[.．]\d{1,4}(?:\s*[-–—]\s*(?:\d{1,3}[.．])?\d{1,4})?)?(?!\d)"
_BETWEEN = r"[\s,;，；、]*+"
_GROUP = rf"{_OPEN}{_BETWEEN}(?:{_ID}{_BETWEEN})++{_CLOSE}"
_IDS = rf"{_BETWEEN}(?:(?:{_ID}|{_GROUP}){_BETWEEN})++"
_SPACE = r"\s{0,20}"  # which goes with a marker that is taken out
_MARKER = re.compile(rf"(?P<space>{_SPACE}){_OPEN}(?P<ids>{_IDS}){_CLOSE}")
_LONGEST = 400
# What may become one with the next words.
_PART = r"[\d.．\s,;，；、–—-]*+"
_UNFINISHED = re.compile(
    rf"{_SPACE}(?:{_OPEN}{_PART}(?:{_OPEN}{_PART}{_CLOSE}{_PART})*+(?:{_OPEN}{_PART})?)?\\?\Z"
)
_BEGINNING = re.compile(rf"{_SPACE}{_OPEN}|\s{{1,20}}\\?\Z|\\\Z")
_NAMED = re.compile(
    r"(?P<source>\d+)(?:[.．](?P<first>\d+)(?:\s*[-–—]\s*(?:(?P<other>\d+)[.．])?(?P<last>\d+))?)?"
)
# What a marker that is taken out may have kept from being one.
_OPENED = re.compile(rf"{_OPEN}[\d.．\s,;，；、–—-]{{0,40}}\Z")
_SENTENCE_END = re.compile(r"[.!?][\"”»)\]*_]*\s|[。！？][”」』]*|\n")

Shown = ResponseChunk | Cited


class Citer:
    """Takes what the model writes, piece by piece; answers with what is shown of it.

    `text` is what was shown so far, `citations` those that stand, `unverified` how many were
    taken out. Links are shown if they are `given`, in what the model was told.
    """

    def __init__(self, sources: Sequence[Source], given: Iterable[str] = ()) -> None:
        self._disarmer = Disarmer(given)
        self._sources = {source.index: (source, sentences(source.text)) for source in sources}
        self._held = ""
        self._claim: Span = (0, 0)
        self._cited_to = 0
        # The numbers shown right before, with nothing in between, and where they end.
        self._numbers: dict[int, int] = {}
        self.text = ""
        self.citations: list[Citation] = []
        self.unverified = 0

    def feed(self, piece: str) -> Iterator[Shown]:
        """What of it can be shown by now."""
        text, at = self._held + visible(piece), 0
        ready: list[str] = []
        while begins := _BEGINNING.search(text, at):
            ready.append(text[at : begins.start()])
            at = begins.start()
            if marker := _MARKER.match(text, at, at + _LONGEST):
                yield from self._flush(ready)
                if self._is_marker(marker):
                    yield from self._cite(marker)
                else:
                    ready.append(marker[0])
                at = marker.end()
            elif len(text) - at < _LONGEST and _UNFINISHED.match(text, at):
                break
            else:
                ready.append(begins[0])
                at = begins.end()
        else:
            ready.append(text[at:])
            at = len(text)
        yield from self._flush(ready)
        self._held = text[at:]

    def finish(self) -> Iterator[Shown]:
        """What was held back, unless it is half a marker."""
        held, self._held = self._held, ""
        if held.strip():
            self.unverified += 1
        else:
            yield from self._flush([held])
        yield from self._disarmed()

    def _flush(self, ready: list[str]) -> Iterator[ResponseChunk]:
        written = "".join(ready)
        ready.clear()
        if written:
            self._numbers.clear()
            if shown := self._disarmer.feed(written, self.text):
                yield self._show(shown)

    def _disarmed(self, *, number: bool = False) -> Iterator[ResponseChunk]:
        """What links may have held back."""
        if shown := self._disarmer.finish(self.text, number=number):
            yield self._show(shown)

    def _show(self, shown: str) -> ResponseChunk:
        self.text += shown
        return ResponseChunk(text=shown)

    def _is_marker(self, marker: re.Match[str]) -> bool:
        """In code, brackets with numbers are code, unless they name a sentence and no more."""
        if not self._in_code():
            return True
        named = marker["ids"]
        return bool(re.fullmatch(r"\d+\.\d+", named)) and None not in self._named(named)

    def _in_code(self) -> bool:
        text = self.text + self._disarmer.held
        if text.count("```") % 2:
            return True
        return text.rpartition("\n")[2].replace("```", "").count("`") % 2 == 1

    def _cite(self, marker: re.Match[str]) -> Iterator[Shown]:
        named = self._named(marker["ids"])
        found = [span for span in named if span]
        self.unverified += len(named) - len(found)
        if not found:
            if _OPENED.search((self.text + self._disarmer.held)[-_LONGEST:]):
                yield from self._flush(["…"])
            return
        if not self._numbers:
            yield from self._disarmed(number=not marker["space"])
            self._claim = _claim(self.text, self._cited_to)
        for source, (start, end) in found:
            if source.index not in self._numbers:
                space = "" if self._numbers else marker["space"]
                yield self._show(f"{space}[{source.index}]")
                self._numbers[source.index] = self._cited_to = len(self.text)
            citation = Citation(
                index=source.index,
                source=source,
                cited_text=source.text[start:end],
                start=source.start + start,
                end=source.start + end,
                answer_start=self._claim[0],
                answer_end=self._claim[1],
                marker_end=self._numbers[source.index],
            )
            self.citations.append(citation)
            yield Cited(citation=citation)

    def _named(self, ids: str) -> list[tuple[Source, Span] | None]:
        """The sentences that a marker names; None for each that there is not."""
        return [self._sentences(named) for named in _NAMED.finditer(ids)]

    def _sentences(self, named: re.Match[str]) -> tuple[Source, Span] | None:
        source, spans = self._sources.get(int(named["source"]), (None, ()))
        first = int(named["first"] or 0)
        last = int(named["last"] or first)
        other = int(named["other"] or named["source"])
        if source is None or other != source.index or not 1 <= first <= last <= len(spans):
            return None
        span = spans[first - 1][0], spans[last - 1][1]
        return (source, span) if is_proof(source.text, span) else None


def _claim(text: str, begin: int) -> Span:
    """The sentence that ends here, not before `begin`."""
    end = len(text.rstrip())
    # The sentence's own full stop may stand right before its marker.
    ends = [m.end() for m in _SENTENCE_END.finditer(text, begin, max(begin, end - 1))]
    start = ends[-1] if ends else begin
    while start < end and not (text[start].isalnum() or text[start] in "\"“«'`("):
        start += 1
    return start, end
