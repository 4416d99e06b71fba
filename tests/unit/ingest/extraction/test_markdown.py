"""Markdown's blocks are slices of its source, under the headings they stand under."""

from hypothesis import example, given
from hypothesis import strategies as st

from functions.ingest.extraction import Extraction, extract
from quire.domain import Block
from quire.errors import Unreadable

SOUP = st.lists(
    st.sampled_from(
        "# |## |===|---|- |  - |1. |> |```|~~~|    |\t|| a | b |\n|-|-||<div>|</div>|<!--|-->|"
        "[a]: b|[a]|*x*|word|été 🤖|\n|\n\n|\r\n|\f|\u2028|{#id}|title: x|...".split("|")
    )
).map("".join)


def read(source: str) -> Extraction:
    return extract(source.encode(), filename="book.md", content_type=None)


def blocks_of(source: str) -> list[Block]:
    return list(read(source).blocks)


def shape_of(source: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks_of(source)]


@given(SOUP)
@example("[a]: b")
@example("<div>\n\n[a]: b\n\n</div>\n\ntext")
@example("\n\n  text")
@example("---\na: b\n---")
def test_the_blocks_are_the_source(source: str) -> None:
    try:
        text = "".join(block.text for block in blocks_of(source))
    except Unreadable:
        assert not source.strip()
    else:
        assert text == source.replace("\r\n", "\n")


def test_every_kind_of_block() -> None:
    source = (
        "# Robots\n\nThey *move*.\nAnd lift.\n\n- arms\n  - hands\n\n  and more\n- legs\n"
        "1. first\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx = 1\n\ny = 2\n```\n\n"
        "> # Quoted\n>\n> text\n\n    indented\n\n***\n"
    )
    assert shape_of(source) == [
        ("heading", "# Robots\n\n"),
        ("paragraph", "They *move*.\nAnd lift.\n\n"),
        ("list_item", "- arms\n  - hands\n\n  and more\n"),
        ("list_item", "- legs\n"),
        ("list_item", "1. first\n\n"),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |\n\n"),
        ("code", "```py\nx = 1\n\ny = 2\n```\n\n"),
        ("paragraph", "> # Quoted\n>\n> text\n\n"),
        ("code", "    indented\n\n"),
        ("paragraph", "***\n"),
    ]


def test_headings_of_both_kinds_make_the_path() -> None:
    source = "Robots\n======\n\nx\n\nArms\n---\n\n#### Deep ####\n\ny\n\n## Legs\n\n# Other\n\nz\n"
    assert [(block.text, block.heading) for block in blocks_of(source)] == [
        ("Robots\n======\n\n", ("Robots",)),
        ("x\n\n", ("Robots",)),
        ("Arms\n---\n\n", ("Robots", "Arms")),
        ("#### Deep ####\n\n", ("Robots", "Arms", "Deep")),
        ("y\n\n", ("Robots", "Arms", "Deep")),
        ("## Legs\n\n", ("Robots", "Legs")),
        ("# Other\n\n", ("Other",)),
        ("z\n", ("Other",)),
    ]


def test_a_heading_in_the_path_has_no_markup() -> None:
    source = "# The `Vec` *of* [robots][r] &amp; <b>arms</b>, ![seen](x.png) \\* {#id}\n\n[r]: /r\n"
    assert blocks_of(source)[0].heading == ("The Vec of robots & arms, seen *",)


def test_an_endless_heading_makes_a_short_path() -> None:
    assert all(len(name) <= 200 for name in blocks_of("# " + "robot " * 9999)[0].heading)


def test_hashes_in_code_and_lists_are_no_headings() -> None:
    source = "```\n# not\n```\n\n- # not either\n"
    assert [block.heading for block in blocks_of(source)] == [(), ()]


def test_definitions_of_links_are_blocks_of_their_own() -> None:
    assert shape_of("# A\n[a]: /a\n\ntext [a]\n\n[b]: /b\n") == [
        ("heading", "# A\n"),
        ("paragraph", "[a]: /a\n\n"),
        ("paragraph", "text [a]\n\n"),
        ("paragraph", "[b]: /b\n"),
    ]


def test_tags_go_with_what_they_enclose() -> None:
    source = (
        '<Listing number="1">\n\n```rs\nx\n```\n\n</Listing>\n\n<!-- old -->\n\n## A\n\n<b>t</b>\n'
    )
    assert shape_of(source) == [
        ("code", '<Listing number="1">\n\n```rs\nx\n```\n\n</Listing>\n\n'),
        ("heading", "<!-- old -->\n\n## A\n\n"),
        ("paragraph", "<b>t</b>\n"),
    ]


def test_front_matter_is_no_prose() -> None:
    source = "---\ntitle: 'At Work'\ntags: [a]\n---\n\n## Arms\n\ntext\n"
    assert shape_of(source)[:2] == [
        ("code", "---\ntitle: 'At Work'\ntags: [a]\n---\n"),
        ("heading", "\n## Arms\n\n"),
    ]
    assert read(source).title == "At Work"


def test_a_rule_on_top_is_no_front_matter() -> None:
    assert shape_of("---\n\ntext\n\n---\n") == [
        ("paragraph", "---\n\n"),
        ("paragraph", "text\n\n"),
        ("paragraph", "---\n"),
    ]


def test_the_title_is_the_first_heading_of_level_one() -> None:
    assert read("text\n\n## Arms\n\n# Robots *now*\n\n# Others\n").title == "Robots now"
    assert read("---\ntitle: Matter\n---\n# Robots\n").title == "Robots"
    assert read("## Arms\n\ntext\n").title == "Arms"
    assert read("text\n\n## Arms\n").title is None


def test_what_would_take_quadratic_time_is_read() -> None:
    for source in ("<!-- \n" * 20_000, "title: " + " " * 200_000 + "x", "# " + "[" * 50_000):
        assert "".join(block.text for block in blocks_of(source)) == source


def test_a_long_file_is_parsed_in_windows_as_if_it_were_whole() -> None:
    """Lists, listings and tables over the edges of windows, and titles after them."""
    lists = "".join(f"- item {n}\n" for n in range(9_000))
    listing = "```\n" + "# not a title\n\n" * 6_000 + "```\n"
    rows = "| a | b |\n|---|---|\n" + "| c | d |\n" * 3_000
    source = f"# One\n\n{lists}\n## Two\n\n{listing}\n## Three\n\n{rows}\n## Four\n\nEnd.\n"
    blocks = blocks_of(source)
    assert "".join(block.text for block in blocks) == source
    assert sum(block.kind == "list_item" for block in blocks) == 9_000
    (code,) = [block for block in blocks if block.kind == "code"]
    assert code.text.startswith("```")
    assert code.text.rstrip().endswith("```")
    assert code.heading == ("One", "Two")
    headings = [block.heading[-1] for block in blocks if block.kind == "heading"]
    assert headings == ["One", "Two", "Three", "Four"]
    assert blocks[-1].heading == ("One", "Four")
