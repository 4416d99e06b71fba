"""The words of a text, as they are looked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.retrieval.analysis import terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The motors turned.", ["motor", "turn"]),
        ("café CAFÉ cafe\u0301", ["cafe"] * 3),
        ("Straße STRASSE", ["strass"] * 2),
        ("ＡＢＣ １２", ["abc", "12"]),
        ("книги книга", ["книг"] * 2),
        # Vowel signs make the word: these two differ in nothing else.
        ("दिन दान", ["दिन", "दान"]),
        ("東京都", ["東京", "京都"]),
        ("水", ["水"]),
        ("ｶﾞｽ", ["ガス"]),
        ("Tokyo東京", ["tokyo", "東京"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("snake_case", ["snake_cas", "snake", "case"]),
        ("parseURL2", ["parseurl2", "pars", "url2"]),
        ("mRNA pH CO2", ["mrna", "ph", "co2"]),
        ("std::vec::Vec", ["std", "vec", "vec"]),
        ("__init__", ["__init__"]),
        ("what is the", []),
        ("😀 — …", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_word_is_found_within_an_identifier_and_the_identifier_by_itself() -> None:
    assert set(terms("user")) < set(terms("getUserName"))
    assert set(terms("getUserName")) == set(terms("getUserName()"))


@given(st.text())
def test_any_text_has_terms_that_are_words(text: str) -> None:
    for term in terms(text):
        assert term
        assert not any(c.isspace() for c in term)
