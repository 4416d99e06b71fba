"""Whatever a model writes, wherever its words are cut: nothing is active that was not given."""

import random

from hypothesis import given
from hypothesis import strategies as st

from functions.chat.citing import Citer
from functions.chat.disarming import LEFT_OUT, disarmed
from tests.e2e.chat.active import active
from tests.unit.chat.test_disarming import LINKS, SOURCE, TEXT, shown

PIECES = st.sampled_from(
    [
        *(
            "https://",
            "http",
            "s://",
            "://",
            ":",
            "//",
            "www.",
            "ww",
            "w",
            "h",
            "evil.com",
            "a.com/x",
        ),
        *("https://a.com/x", "https://a.com/x/", "SECRET", "https://en.example/Foo_(bar)", "Foo_("),
        *(
            "[",
            "]",
            "](",
            "]:",
            "(",
            ")",
            "!",
            "![",
            "<",
            "</",
            "<a ",
            "<b>",
            ">",
            "<script>",
            "<!--",
        ),
        *(
            "mailto:",
            "xmpp:",
            "xmpp:bob@a.com",
            "/room",
            "?subject=x",
            "mailto:bob@a.com?subject=x",
        ),
        *("@", "ann", "ann@a.com", "&", "&#6", "4;", "&#64;", "&amp;", "\\", "`", "```", "**", "_"),
        *(
            ".",
            ",",
            "...",
            "'",
            "。",
            "—",
            " ",
            "\n",
            "\n\n",
            "word",
            "1",
            "[1.1]",
            "[9.9]",
            "[1",
            ".1]",
        ),
        *("s3://bucket/key", "ftp", "\u200b", "😀", "机器人", "." * 21, "x" * 70, " " * 21),
    ]
)
WRITTEN = st.lists(PIECES, max_size=25).map("".join)


@given(WRITTEN, st.integers(0, 2**32))
def test_it_does_not_matter_where_the_words_are_cut(written: str, seed: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.randint(1, 4) for _ in written]
    assert shown(written, sizes=sizes) == shown(written)


@given(WRITTEN)
def test_nothing_is_active_that_was_not_given(written: str) -> None:
    assert {link.rstrip("/") for link in active(shown(written))} <= LINKS


@given(st.text(alphabet="abch .,;()'\"-\n#*_1é机", max_size=200))
def test_words_stay_as_they_are(written: str) -> None:
    assert disarmed(written, []) == written


@given(WRITTEN)
def test_but_for_what_is_left_out_only_spaces_are_put_in(written: str) -> None:
    left = iter(written.replace("\u200b", ""))
    kept = disarmed(written.replace("\u200b", ""), [TEXT]).replace(LEFT_OUT, "")
    assert all(any(had == has for had in left) for has in kept if has != " ")


def test_no_more_is_held_back_than_may_become_a_link() -> None:
    out, citer = f"Gears {LEFT_OUT}", Citer([SOURCE], [TEXT])
    for piece, seen in (
        ("Gears", "Gears"),
        (" https", "Gears "),
        ("://", "Gears "),
        ("evil.com/", out),
        ("x" * 1_000, out),
        (" or", f"{out} or"),
        (" https://a.", f"{out} or "),
        ("com/x", f"{out} or "),
        (" at", f"{out} or https://a.com/x at"),
        ("!", f"{out} or https://a.com/x at"),
        (" last", f"{out} or https://a.com/x at! last"),
    ):
        list(citer.feed(piece))
        assert citer.text == seen


def test_it_takes_no_longer_for_hostile_text() -> None:
    for written in (
        "](" * 5_000,
        "<a" * 5_000,
        "@a" * 5_000,
        "&#" * 5_000,
        "[" * 10_000,
        "://" * 3_000,
    ):
        shown(written, sizes=[7] * (len(written) // 7))
