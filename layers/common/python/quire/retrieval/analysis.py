"""Text → the terms that are looked for: one analyzer for what is indexed and what is asked."""

import unicodedata
from functools import lru_cache

import regex
import Stemmer

# Scripts that are written without spaces between words: every two characters are a term.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
_SPACED = rf"[[\p{{L}}\p{{N}}_]--[{_UNSPACED}]]"
_WORD = regex.compile(rf"[{_UNSPACED}]+|{_SPACED}(?:{_SPACED}|\p{{M}})*", regex.V1)
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]", regex.V1)
# HTTPServer_name2 → HTTP, Server, name2.
_PART = regex.compile(
    r"\p{Lu}+(?!\p{Ll})\p{N}*|\p{Lu}?[\p{Ll}\p{M}]+\p{N}*|[^\p{Lu}\p{Ll}_]+", regex.V1
)
# Of mRNA, or of pH, the parts say nothing.
_SHORTEST_PART = 2
# Not the vowel signs of other scripts, without which words are not what they were.
_ACCENT = regex.compile(r"[\p{M}&&\p{Script=Inherited}]", regex.V1)
_COMMON = """a an and are as at be but by can could did do does for from has have how i if in into
is it its of on or should such that the their then there these they this to was we were what when
where which who why will with would you your"""
_STOP_WORDS = frozenset(_COMMON.split())

# A word's script tells whose stems it has, as far as that is one language; Latin is English.
_STEMMERS = {
    regex.compile(rf"\p{{{script}}}", regex.V1): Stemmer.Stemmer(language)
    for script, language in {
        "Latin": "english",
        "Cyrillic": "russian",
        "Greek": "greek",
        "Arabic": "arabic",
        "Devanagari": "hindi",
        "Armenian": "armenian",
        "Tamil": "tamil",
    }.items()
}


def terms(text: str) -> list[str]:
    """In their order, with repetitions; what is everywhere and means nothing is left out.

    Case, width and accents are folded, words are stemmed (Snowball). An identifier is a term as
    it is written, and so are the words that it is made of.
    """
    # For all of a text at once what `_terms_of` does for a word: é in one character or in two.
    words = _WORD.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))
    return [term for word in words for term in _terms_of(word)]


@lru_cache(maxsize=100_000)
def _terms_of(word: str) -> tuple[str, ...]:
    if _IS_UNSPACED.match(word):
        return tuple(word[i : i + 2] for i in range(max(1, len(word) - 1)))
    folded = _fold(word)
    if folded in _STOP_WORDS:
        return ()
    parts = _PART.findall(word)
    if len(parts) < 2 or min(map(len, parts)) < _SHORTEST_PART:
        parts = []
    return tuple(map(_stem, (folded, *map(_fold, parts))))


def _fold(word: str) -> str:
    return _ACCENT.sub("", unicodedata.normalize("NFD", word.casefold()))


def _stem(word: str) -> str:
    for script, stemmer in _STEMMERS.items():
        if script.match(word):
            stem: str = stemmer.stemWord(word)
            return stem
    return word
