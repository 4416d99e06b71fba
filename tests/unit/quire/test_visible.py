"""What of a text people see."""

import pytest

from quire.visible import is_blank, visible

BY_THEMSELVES_NOTHING = {"\u200c", "\u200d", "\u2800", *map(chr, range(0xFE00, 0xFE10))}


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n\t\u3000", "\u200b\u2060\ufeff", "\u202e\u2066\u2069", "\x00\x1b\x7f\x85"),
        *("\ufe0f\u200d\u200c", "\xad\u3164\u2800", "\U000e0041\U000e0100 \u200b"),
    ],
)
def test_nothing_is_seen(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize(
    "text",
    [
        *("x", "?", "\u200b.", "\u202egpj", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        *("👩‍❤️‍👨", "🏳️‍🌈", "\U0001f3f4\U000e0067\U000e007f", "机", "\u0301"),
    ],
)
def test_something_is_seen(text: str) -> None:
    assert not is_blank(text)


def test_what_is_left_out_of_a_text_is_no_text() -> None:
    for character in map(chr, range(0x110000)):
        unseen = not visible(character).strip() or character in BY_THEMSELVES_NOTHING
        assert is_blank(character) == unseen, hex(ord(character))
