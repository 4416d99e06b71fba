"""Small PDFs, written by hand."""

from collections.abc import Callable, Sequence

import pytest

# A line of a page: left and baseline in points from the lower left corner, size, text.
Line = tuple[int, int, int, str]
MakePdf = Callable[..., bytes]


def _content(lines: Sequence[Line]) -> bytes:
    shown = (f"BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET" for x, y, size, text in lines)
    return "\n".join(shown).encode("latin-1")


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


@pytest.fixture
def make_pdf() -> MakePdf:
    """A function: the lines of each page (and what goes in the trailer) → a PDF in Helvetica.

    `unicode` maps characters' codes to what they stand for, as hexadecimal UTF-16.
    """

    def make(
        *pages: Sequence[Line],
        title: str = "",
        trailer: bytes = b"",
        unicode: dict[str, str] | None = None,
    ) -> bytes:
        entries = " ".join(f"<{code}> <{meant}>" for code, meant in (unicode or {}).items())
        cmap = (
            "begincmap 1 begincodespacerange <00> <FF> endcodespacerange "
            f"{len(unicode or {})} beginbfchar {entries} endbfchar endcmap"
        ).encode()
        kids = b" ".join(b"%d 0 R" % (6 + 2 * number) for number in range(len(pages)))
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica %s >>"
            % (b"/ToUnicode 4 0 R" if unicode else b""),
            _stream(cmap),
            b"<< /Title (%s) >>" % title.encode(),
        ]
        for number, lines in enumerate(pages):
            objects.append(
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
                b"/Resources << /Font << /F1 3 0 R >> >> >>" % (7 + 2 * number)
            )
            objects.append(_stream(_content(lines)))
        return _assembled(objects, trailer)

    return make


def _assembled(objects: Sequence[bytes], trailer: bytes) -> bytes:
    pdf, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, body in enumerate(objects, start=1):
        table += b"%010d 00000 n \n" % len(pdf)
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    size = len(objects) + 1
    entries = b"/Size %d /Root 1 0 R /Info 5 0 R %s" % (size, trailer)
    return pdf + (
        b"xref\n0 %d\n%strailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, entries, len(pdf))
    )
