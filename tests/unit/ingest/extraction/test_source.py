"""Source code stays as it is, under the definitions it belongs to."""

import pytest

from functions.ingest.extraction import extract


def test_margins_tell_what_belongs_together() -> None:
    source = "import a\n\nclass Arm(Part):\n    x = 1\n\n    def lift(self): ...\n\n\nLIMIT = 2\n"
    blocks = list(extract(source.encode(), filename="arm.py").blocks)
    assert "".join(block.text for block in blocks) == source
    assert {block.kind for block in blocks} == {"code"}
    assert [block.heading for block in blocks] == [(), ("Arm",), ("Arm",), ()]


@pytest.mark.parametrize(
    ("filename", "line"),
    [
        ("a.rs", "pub(crate) async fn lift() {"),
        ("a.go", "func (arm *Arm) lift() error {"),
        ("a.ts", "export default function lift(): void {"),
        ("a.java", "public final class lift {"),
        ("a.kt", "fun lift() {"),
        ("a.rb", "module lift"),
    ],
)
def test_definitions_of_many_languages(filename: str, line: str) -> None:
    source = f"// A comment.\n{line}\n    go\n\n}}\n"
    assert [b.heading for b in extract(source.encode(), filename=filename).blocks] == [
        ("lift",)
    ] * 2
