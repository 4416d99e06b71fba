"""How texts are made to fit."""

import pytest
from rich.cells import cell_len

from cli.terminal import shortened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("short.md", "short.md"),
        ("eleven-long", "eleve…long"),
        ("chapter one, on walking.pdf", "chapt….pdf"),
        ("\x1b]0;pwned\x07.md", "]0;pw…d.md"),
    ],
)
def test_the_middle_is_left_out(text: str, expected: str) -> None:
    assert shortened(text, 10) == expected


def test_wide_letters_count_twice() -> None:
    name = shortened("人形机器人如何保持平衡.pdf", 12)
    assert name == "人形机….pdf"
    assert cell_len(name) <= 12
