"""Answers that are nothing but quotations: the laptop's stand-in for a language model.

It reads the messages that Quire sends, picks the sentences of the passages (or of the selection)
that come nearest to the question, quotes them word for word and says that this is all it does.
"""

import math
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape

import numpy as np
from numpy.typing import NDArray
from Stemmer import Stemmer

Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]

QUOTING = "No language model is configured, so here are the words of the {origin}:"
NOT_IN_PASSAGES = "The passages given do not answer the question."
NOT_IN_SELECTION = (
    "I can only answer based on the selected text, and the answer is not present there."
)
NOTHING_TO_QUOTE = (
    "No language model is configured: this one can only quote from passages, and was given none."
)

MAX_QUOTES = 3
MAX_EMBEDDED = 16  # sentences; on XQuAD's questions and the example book more found nothing more
MAX_SENTENCE = 500  # characters
MIN_WORDS = 3
OVERLAP_WEIGHT = 0.3
PLACE_WEIGHT = 0.1
LAG = 0.15  # how far a further quotation may score behind the best
TWINS = 0.85  # the cosine from which two sentences say the same
# Scores of the best sentence, on XQuAD: a selection that answers reaches its threshold for 98 % of
# the questions, another paragraph of the same article for 24 %, of another article for none.
# Retrieved passages come near in any case; theirs keeps paraphrases in and foreign subjects out.
SELECTION_THRESHOLD = 0.5
PASSAGES_THRESHOLD = 0.4

_PASSAGES = re.compile(r"\s*<passages>\n(.*)</passages>\s+Question:\s*(.+)", re.S)
_PASSAGE = re.compile(
    r'<passage index="\d+"([^>]*)>\n(.*?)\n</passage>(?=\s*(?:<passage |\Z))', re.S
)
_HEADING = re.compile(r"heading=([\"'])(.*?)\1")
_NUMBERED = re.compile(r"^\[(\d+\.\d+)\] (.*?)(?=^\[\d+\.\d+\] |\Z)", re.S | re.M)
_FOLLOW_UP = re.compile(r"\s*<conversation>\n(.*)\n</conversation>\s+Follow-up: (.+)", re.S)
_SAID_BY_USER = re.compile(r"^user: (.*)$", re.M)
_SELECTION = re.compile(r"\s*<selection>\n(.*)\n</selection>\s+Question:\s*(.+)", re.S)

_FENCE = re.compile(r"^[> ]*(```|~~~).*?(?:^[> ]*\1|\Z)", re.S | re.M)
_NOT_PROSE = re.compile(r"^[> ]*(?:#{1,6} .*|<.*>|[-=|:*_+ ]*)$", re.M)
_BLOCK_END = re.compile(r"\n\s*\n|\n(?=[> ]*(?:[-*+•]|\d{1,3}[.)]|\|)\s)|(?<=\|)\s*\n")
_BLOCK_MARKS = re.compile(r"^(?:(?:[-*+•>|]|\d{1,3}[.)]) )+|(?: ?\|)+$")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_`]*[^\Wa-z_])")
# A full stop that ends no sentence, up to the first character after its white space.
_ABBREVIATION = re.compile(
    r"(?:(?<!\d )\b[A-Z]|\b(?:e\.g|i\.e|cf|vs|approx|Dr|Mr|Mrs|Ms|Prof|St|Jr|Inc|Ltd))\.\s+.$"
    r"|\b(?i:nos?|figs?|eqs?|refs?|ch|sec|vol|pp?|ca)\.\s+\d$"
)
_WORD = re.compile(r"\w+")
_STOP_WORDS = frozenset(
    "a about an and any are as at be been but by can could did do does for from had has have how i "
    "if in into is it its may me more most my no not of on one or our should so some such than "
    "that the their them then there these they this to was we were what when where which who whom "
    "whose why will with would you your "
    # How one asks about the text itself.
    "describe explain mean means passage say says selected selection sum summarise summarize "
    "summary tell text".split()
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the prompt whose sentences are numbered, and the headings it stands under."""

    text: str
    headings: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence under its number in the prompt, `place` (0 to 1) down the retriever's list."""

    text: str
    number: str
    place: float


def answer(messages: Sequence[Mapping[str, str]], embed: Embed) -> str:
    """The reply to a chat; only its last user message is read.

    `embed` turns n texts into n unit vectors; it is called at most once.
    """
    asked = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
    if found := _PASSAGES.match(asked):
        passages = list(_passages(found[1]))
        chosen = _choose(passages, found[2], embed=embed, threshold=PASSAGES_THRESHOLD)
        return _quote(chosen, origin="sources") if chosen else NOT_IN_PASSAGES
    if found := _SELECTION.match(asked):
        selection = [Passage(found[1])]
        chosen = _choose(selection, found[2], embed=embed, threshold=SELECTION_THRESHOLD)
        return _quote(chosen, origin="selection") if chosen else NOT_IN_SELECTION
    if found := _FOLLOW_UP.match(asked):
        # The nearest to understanding that there is here: what was asked before goes along.
        before = _SAID_BY_USER.findall(found[1])
        return " ".join([*before[-1:], found[2]])
    return NOTHING_TO_QUOTE


def split_sentences(text: str) -> Iterator[str]:
    """The sentences of a Markdown or plain text, white space folded to single spaces.

    List items and table rows stand for themselves, without their marks; headings and code are
    left out; what runs on without an end is cut between words.
    """
    prose = _NOT_PROSE.sub("\n", _FENCE.sub("\n\n", text))
    for block in _BLOCK_END.split(prose):
        folded = _BLOCK_MARKS.sub("", " ".join(block.split()))
        for sentence in _split_block(folded):
            yield from textwrap.wrap(
                sentence, MAX_SENTENCE, break_long_words=False, break_on_hyphens=False
            )


def _split_block(block: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(block):
        if not _ABBREVIATION.search(block, start, end.end() + 1):
            yield block[start : end.end()].rstrip()
            start = end.end()
    yield block[start:]


def _passages(listed: str) -> Iterator[Passage]:
    for attributes, text in _PASSAGE.findall(listed):
        heading = _HEADING.search(attributes)
        headings = unescape(heading[2]).split(" › ") if heading else []
        yield Passage(text, frozenset(headings))


def _choose(
    passages: Sequence[Passage], question: str, *, embed: Embed, threshold: float
) -> list[Sentence]:
    """The sentences to quote, best first; none when nothing comes near the question."""
    sentences = _sentences(passages)
    if not sentences:
        return []
    asked = _words(question)
    prior = OVERLAP_WEIGHT * _overlaps(asked, sentences)
    prior -= PLACE_WEIGHT * np.array([sentence.place for sentence in sentences])
    shortlist = np.argsort(-prior, kind="stable")[:MAX_EMBEDDED]
    embedded = embed([question, *(sentences[i].text for i in shortlist)])
    vectors = embedded[1:]
    scores = vectors @ embedded[0] + prior[shortlist]
    # A question like "What is this about?" names nothing that could be missing from the text.
    least = max(threshold if asked else -math.inf, scores.max() - LAG)
    chosen: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if scores[i] >= least and all(vectors[i] @ vectors[j] < TWINS for j in chosen):
            chosen.append(i)
    return [sentences[shortlist[i]] for i in chosen[:MAX_QUOTES]]


def _sentences(passages: Sequence[Passage]) -> list[Sentence]:
    """What may be quoted, each once, as overlapping chunks repeat some; a question answers none."""
    found: dict[str, Sentence] = {}
    for place, passage in enumerate(passages):
        for number, stretch in _NUMBERED.findall(passage.text):
            for text in split_sentences(stretch):
                whole = len(_WORD.findall(text)) >= MIN_WORDS and not text.endswith("?")
                if whole and text not in passage.headings:
                    found.setdefault(text, Sentence(text, number, place / len(passages)))
    return list(found.values())


def _overlaps(asked: set[str], sentences: Sequence[Sentence]) -> NDArray[np.float64]:
    """The share of the question's words that each sentence has, rarer words counting more."""
    present = [asked & _words(sentence.text) for sentence in sentences]
    frequency = Counter(word for words in present for word in words)
    weight = {word: math.log(1 + len(sentences) / (1 + frequency[word])) for word in asked}
    whole = sum(weight.values()) or 1.0
    return np.array([sum(weight[word] for word in words) / whole for words in present])


def _words(text: str) -> set[str]:
    words = [word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]
    # A stemmer of its own for every call, because threads must not share one.
    return set(Stemmer("english").stemWords(words))


def _quote(sentences: Sequence[Sentence], *, origin: str) -> str:
    quotes = "\n".join(f"{_quoted(sentence.text)} [{sentence.number}]" for sentence in sentences)
    return f"{QUOTING.format(origin=origin)}\n\n{quotes}"


def _quoted(text: str) -> str:
    return f"“{text}”" if '"' in text else f'"{text}"'
