"""Bytes of any encoding become the text they were."""

import codecs

import pytest

from functions.ingest.extraction.decoding import decode
from quire.errors import Unreadable

GERMAN = "Die Würde des Menschen ist unantastbar; größer als Straßen und Äpfel."
FRENCH = "Les élèves français étudient à l'école où naît l'été. Ça coûte 5 €."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-32"),
        (GERMAN, "latin-1"),
        (FRENCH, "cp1252"),
        ("Все люди рождаются свободными и равными в своем достоинстве.", "cp1251"),
        ("Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni i równi.", "cp1250"),
        ("すべての人間は、生まれながらにして自由であり、平等である。", "shift_jis"),
        ("人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心", "gbk"),
        ("a robot 🤖", "utf-8"),
    ],
)
def test_the_encoding_is_found(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), declared=None) == text


def test_big_endian_marks_are_known() -> None:
    assert decode(codecs.BOM_UTF16_BE + "Hé".encode("utf-16-be"), declared=None) == "Hé"


def test_a_mark_goes_before_what_is_declared() -> None:
    assert decode("Hé".encode("utf-8-sig"), declared="charset=latin-1") == "Hé"


@pytest.mark.parametrize("declared", ["text/plain; charset=iso-8859-2", '<meta charset="latin2">'])
def test_what_is_declared_goes_before_a_guess(declared: str) -> None:
    assert decode("Łódź".encode("iso-8859-2"), declared=declared) == "Łódź"


def test_latin_1_means_what_browsers_mean() -> None:
    assert decode("“5 €”".encode("cp1252"), declared="charset=ISO-8859-1") == "“5 €”"


@pytest.mark.parametrize(
    "label", ["nonsense", "punycode", "base64", "utf-16", "utf-7", "ascii", "latin-1"]
)
def test_a_false_declaration_does_no_harm(label: str) -> None:
    assert decode(GERMAN.encode(), declared=f"charset={label}") == GERMAN
    assert decode(FRENCH.encode("cp1252"), declared=f"charset={label}") == FRENCH


def test_one_broken_byte_does_not_spoil_a_book() -> None:
    book = (GERMAN * 20).encode()
    assert decode(book + b"\xff" + book, declared=None) == GERMAN * 20 + "\ufffd" + GERMAN * 20


def test_line_ends_are_one_kind() -> None:
    assert decode(b"a\r\nb\rc\nd\r\r\n", declared=None) == "a\nb\nc\nd\n\n"


def test_a_null_in_wide_text_is_refused() -> None:
    with pytest.raises(Unreadable, match="not text"):
        decode("a\0b".encode("utf-16"), declared=None)


def test_noise_is_refused() -> None:
    with pytest.raises(Unreadable, match="save it as UTF-8"):
        decode(bytes(range(128, 256)) * 50, declared=None)
