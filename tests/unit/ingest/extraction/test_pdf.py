"""What PDFium finds on a page becomes paragraphs, and what it cannot read a sentence."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from resource import getpagesize
from threading import Thread

import pytest

from functions.ingest.extraction import Extraction, extract
from quire.domain import Block
from quire.errors import Unreadable

MakePdf = Callable[..., bytes]

PROSE = [
    (72, 700, 10, "The first paragraph runs over two lines of about the same length, as in a book"),
    (72, 688, 10, "and ends here."),
    (
        72,
        664,
        10,
        "After a gap comes another one that is also wide enough to fill the whole line up,",
    ),
    (72, 652, 10, "with some more of it."),
]

# Keys that no password opens, the empty one included.
ENCRYPTION = b"/ID [(a) (b)] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O (%s) /U (%s) >>" % (
    b"o" * 32,
    b"u" * 32,
)


def read(content: bytes) -> Extraction:
    return extract(content, filename="book.pdf", content_type="application/pdf")


def blocks_of(content: bytes) -> list[Block]:
    return list(read(content).blocks)


def texts_of(content: bytes) -> list[str]:
    return [block.text.removesuffix("\n\n") for block in blocks_of(content)]


def test_lines_become_paragraphs(make_pdf: MakePdf) -> None:
    assert texts_of(make_pdf(PROSE)) == [
        "The first paragraph runs over two lines of about the same length, as in a book "
        "and ends here.",
        "After a gap comes another one that is also wide enough to fill the whole line up, "
        "with some more of it.",
    ]


def test_every_block_knows_its_page(make_pdf: MakePdf) -> None:
    pdf = make_pdf([(72, 700, 10, "On page one")], [], [(72, 700, 10, "On page three")])
    assert [(block.page, block.text) for block in blocks_of(pdf)] == [
        (1, "On page one\n\n"),
        (3, "On page three\n\n"),
    ]


def test_a_word_broken_at_a_line_end_is_whole_again(make_pdf: MakePdf) -> None:
    pdf = make_pdf([(72, 700, 10, "This is a declara-"), (72, 688, 10, "tion of intent")])
    assert texts_of(pdf) == ["This is a declaration of intent"]


def test_a_hyphen_before_a_capital_stays(make_pdf: MakePdf) -> None:
    pdf = make_pdf([(72, 700, 10, "about the Austro-"), (72, 688, 10, "Hungarian empire")])
    assert texts_of(pdf) == ["about the Austro-Hungarian empire"]


def test_lines_that_end_early_keep_their_ends(make_pdf: MakePdf) -> None:
    width = "a line that fills the page from its left margin to its right one without a stop"
    pdf = make_pdf([(72, 700, 10, width), (72, 688, 10, "let x = 1"), (72, 676, 10, "let y = 2")])
    assert texts_of(pdf) == [f"{width} let x = 1\nlet y = 2"]


def test_what_is_set_larger_is_a_heading(make_pdf: MakePdf) -> None:
    first = [(72, 760, 24, "Robots"), (72, 725, 16, "Arms"), *PROSE]
    later = [(72, 700, 16, "Legs"), (72, 670, 10, "They walk on two of them and seldom fall.")]
    assert [(block.kind, block.heading) for block in blocks_of(make_pdf(first, later))] == [
        ("heading", ("Robots",)),
        ("heading", ("Robots", "Arms")),
        ("paragraph", ("Robots", "Arms")),
        ("paragraph", ("Robots", "Arms")),
        ("heading", ("Robots", "Legs")),
        ("paragraph", ("Robots", "Legs")),
    ]


def test_page_numbers_and_running_heads_are_dropped(make_pdf: MakePdf) -> None:
    pages = [
        [(72, 760, 10, f"Chapter {page // 3}"), (72, 700, 10, body), (300, 30, 10, str(page))]
        for page, body in enumerate(["Alpha goes first.", "Beta comes next.", "Gamma ends."], 7)
    ]
    assert texts_of(make_pdf(*pages)) == [
        "Chapter 2",
        "Alpha goes first.",
        "Beta comes next.",
        "Gamma ends.",
    ]


def test_ligatures_are_spelt_out(make_pdf: MakePdf) -> None:
    pdf = make_pdf([(72, 700, 10, "the @nal version")], unicode={"40": "FB01"})
    assert texts_of(pdf) == ["the final version"]


def test_characters_beyond_the_basic_plane_survive(make_pdf: MakePdf) -> None:
    lines = [(72, 700, 10, "a @@ robot"), (72, 650, 10, "far below")]
    assert texts_of(make_pdf(lines, unicode={"40": "D83EDD16"})) == ["a 🤖🤖 robot", "far below"]


def test_many_control_characters_are_only_skipped(make_pdf: MakePdf) -> None:
    pdf = make_pdf([(72, 700, 1, "@" * 3000 + "hello")], unicode={"40": "0003"})
    assert texts_of(pdf) == ["hello"]


def test_the_title_is_the_authors(make_pdf: MakePdf) -> None:
    def titled(title: str) -> str | None:
        return read(make_pdf(PROSE, title=title)).title

    assert titled("Robots at Work") == "Robots at Work"
    assert titled("") is None
    assert titled("untitled 1") is None
    assert titled("Microsoft Word - robots.doc") is None


def test_a_password_is_named_as_the_reason(make_pdf: MakePdf) -> None:
    with pytest.raises(Unreadable, match="remove its password"):
        read(make_pdf(PROSE, trailer=ENCRYPTION))


def test_damage_is_not_taken_for_a_password(make_pdf: MakePdf) -> None:
    """PDFium keeps the error of the document before."""
    with pytest.raises(Unreadable):
        read(make_pdf(PROSE, trailer=ENCRYPTION))
    with pytest.raises(Unreadable, match="damaged"):
        read(make_pdf())  # no page at all
    with pytest.raises(Unreadable, match="damaged"):
        read(make_pdf(PROSE)[:400])


def test_a_damaged_page_is_named(make_pdf: MakePdf) -> None:
    pdf = make_pdf(PROSE, PROSE).replace(b"8 0 obj\n<< /Type /Page ", b"8 0 obj\n<< /Type /Pag3 ")
    blocks = read(pdf).blocks
    assert next(blocks).page == 1
    with pytest.raises(Unreadable, match="Page 2 of this PDF is damaged"):
        list(blocks)


def test_pages_without_text_are_taken_for_scans(make_pdf: MakePdf) -> None:
    extraction = read(make_pdf([], []))
    with pytest.raises(Unreadable, match="OCR"):
        list(extraction.blocks)


def test_whatever_is_broken_is_unreadable_and_nothing_else(make_pdf: MakePdf) -> None:
    whole = make_pdf(PROSE, PROSE)
    for at in range(5, len(whole), 7):
        for broken in (whole[:at], whole[:at] + b"\xff\x00" + whole[at + 2 :]):
            with suppress(Unreadable):
                texts_of(broken)


def test_documents_are_read_side_by_side(make_pdf: MakePdf) -> None:
    """PDFium itself would crash."""
    pdf = make_pdf(*[PROSE] * 20)
    alone = texts_of(pdf)
    together: list[list[str]] = []
    threads = [Thread(target=lambda: together.append(texts_of(pdf))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [alone] * 4


def test_pages_are_not_kept(make_pdf: MakePdf) -> None:
    """PDFium's memory is not Python's, so the process is asked."""
    blocks = read(make_pdf(*[PROSE * 8] * 2_000)).blocks
    for _ in zip(range(100), blocks, strict=False):
        pass
    before = _resident()
    assert deque(blocks, maxlen=1)[0].page == 2_000
    assert _resident() - before < 40 * 2**20


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()
