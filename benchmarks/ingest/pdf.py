"""A long PDF, the same every time: raw syntax, Helvetica, a heading on every tenth page."""

import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

_SEED = 20_261
_WORDS = """a robot learns to walk by falling many times and keeping what helped it stand the
controller measures torque at every joint while friction heat and noise change slowly sensors
report position speed force light sound pressure with small errors that a filter removes models
predict contact before the foot lands on grass stone sand or stairs engineers test motors gears
belts batteries cameras hands fingers grippers arms legs hips knees ankles and software under load
balance energy motion planning vision language memory safety cost weight strength because between
however therefore without against""".split()


def write_pdf(path: Path, *, pages: int, words: int = 500) -> None:
    chance = random.Random(_SEED)
    page_ids = [4 + 2 * number for number in range(pages)]
    kids = " ".join(f"{number} 0 R" for number in page_ids)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, page in enumerate(page_ids):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {page + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        shown = zlib.compress("\n".join(_page(chance, number, words)).encode())
        head = f"<< /Length {len(shown)} /Filter /FlateDecode >>\nstream\n".encode()
        objects.append(head + shown + b"\nendstream")
    with path.open("wb") as file:
        offsets = []
        file.write(b"%PDF-1.7\n")
        for number, body in enumerate(objects, start=1):
            offsets.append(file.tell())
            file.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
        table = file.tell()
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
        file.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
        file.write(b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1))
        file.write(b"startxref\n%d\n%%%%EOF\n" % table)


def _page(chance: random.Random, number: int, words: int) -> Iterator[str]:
    yield "BT 60 740 Td 13 TL"
    if number % 10 == 0:
        yield f"/F1 18 Tf (Chapter {number // 10 + 1}: {_title(chance)}) Tj T* T*"
    yield "/F1 10 Tf"
    left = words
    while left > 0:
        sentences = [_sentence(chance) for _ in range(5)]
        left -= sum(len(sentence.split()) for sentence in sentences)
        yield from (f"({line}) Tj T*" for line in wrap(" ".join(sentences), 100))
        yield "T*"
    yield "ET"


def _title(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=4)).capitalize()


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(8, 24))).capitalize() + "."
