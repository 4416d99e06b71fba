from hypothesis import given
from hypothesis import strategies as st

from functions.chat.sentences import is_proof, sentences

# What a splitter may stumble over: astral characters, combining marks, all kinds of line ends.
TEXTS = st.lists(
    st.sampled_from(
        [
            *("A robot learns. ", "Dr. Who said “no”! ", "机器人走路。", "😀", "e\u0301té "),
            *("\n", "\n\n", "\r\n", "| a | b |\n", "```\nlet x = 1;\n```\n", "Yes. ", "- item\n"),
            *("\u2028", " "),
        ]
    ),
    max_size=40,
).map("".join)


def shown(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@given(TEXTS | st.text(max_size=300))
def test_they_cover_all_but_white_space_in_order(text: str) -> None:
    end_before = 0
    for start, end in sentences(text):
        assert not text[end_before:start].strip()
        assert text[start:end] == text[start:end].strip() != ""
        end_before = end
    assert not text[end_before:].strip()


def test_a_short_one_goes_with_the_next() -> None:
    assert shown("Yes. The knee bends backwards. It does.") == [
        "Yes. The knee bends backwards.",
        "It does.",
    ]


def test_a_heading_stands_for_itself_and_proves_nothing() -> None:
    text = "# Gears\n\nA harmonic drive has no backlash."
    heading, sentence = sentences(text)
    assert not is_proof(text, heading)
    assert is_proof(text, sentence)


def test_a_long_listing_is_cut_at_its_lines() -> None:
    listing = "".join(f"let number_{n} = compute_something({n});\n" for n in range(40))
    assert len(shown(listing)) == 40
