"""Office files and books, written by hand: a ZIP file of a few lines of XML each."""

from collections.abc import Mapping
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook  # type: ignore[import-untyped]

RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def rezipped(content: bytes, parts: Mapping[str, str | bytes]) -> bytes:
    """Return a ZIP file with some parts replaced."""
    with ZipFile(BytesIO(content)) as archive:
        return zipped({**{name: archive.read(name) for name in archive.namelist()}, **parts})


def relations(**targets: str) -> str:
    """Return what points to the `targets` by their names, which are ids and kinds: slide_2."""
    lines = (
        f'<Relationship Id="{name}" Type="{RELATIONSHIPS}/{name.split("_")[0]}" Target="{target}"/>'
        for name, target in targets.items()
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{"".join(lines)}</Relationships>'


def word(body: str, **parts: str) -> bytes:
    """A document; `parts` are its styles, numbering and footnotes."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    more = {
        f"word/{name}.xml": f"<w:{name} {space}>{xml}</w:{name}>" for name, xml in parts.items()
    }
    return zipped(
        {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": relations(officeDocument="word/document.xml"),
            "word/_rels/document.xml.rels": relations(**{name: f"{name}.xml" for name in parts}),
            "word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>",
            **more,
        }
    )


def excel(rows: str, *, texts: str = "") -> bytes:
    """A workbook of one sheet called People, with `rows` and shared `texts` as they are."""
    workbook = Workbook()
    workbook.worksheets[0].title = "People"
    file = BytesIO()
    workbook.save(file)
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    listing = "xl/_rels/workbook.xml.rels"
    with ZipFile(file) as archive:
        related = archive.read(listing).decode()
    end = "</Relationships>"
    shared = (
        f'<Relationship Id="t" Type="{RELATIONSHIPS}/sharedStrings" Target="sharedStrings.xml"/>'
    )
    return rezipped(
        file.getvalue(),
        {
            listing: related.replace(end, shared + end),
            "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{rows}</sheetData>"
            "</worksheet>",
            "xl/sharedStrings.xml": f"<sst {space}>{texts}</sst>",
        },
    )
