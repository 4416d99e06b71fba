"""What the styles and lists of a Word document mean: which are headings, which are numbered."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from docx.oxml.ns import nsmap, qn
from docx.oxml.xmlchemy import BaseOxmlElement

# Names of styles are English whatever the language of Word; only their ids are translated.
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_TITLE_LEVEL = 0
TEXT_LEVEL = 10  # "body text" among the levels, of which Word counts the first as 0
_DEEPEST = 20
_BULLET = "bullet"
_VALUE = qn("w:val")
_PLACES = {
    "style": "w:pPr/w:pStyle",
    "based_on": "w:basedOn",
    "name": "w:name",
    "level": "w:pPr/w:outlineLvl",
    "list": "w:pPr/w:numPr/w:numId",
    "list_level": "w:pPr/w:numPr/w:ilvl",
}


class Form(NamedTuple):
    """`level` is a heading's; `list` is the list that a paragraph is an item of."""

    name: str
    level: int | None
    list: str
    list_level: int


class Forms:
    def __init__(self, styles: BaseOxmlElement, numbering: BaseOxmlElement | None) -> None:
        self._own = {style.get(qn("w:styleId"), ""): _style(style) for style in styles}
        self._styles: dict[str, Mapping[str, str]] = {}
        self._abstract: dict[str, str] = {}
        self._formats: dict[tuple[str, int], str] = {}
        if numbering is not None:
            self._number(numbering)
        self._counts: Counter[tuple[str, int]] = Counter()

    def of(self, paragraph: BaseOxmlElement) -> Form:
        """Return a paragraph's form: its own, and what its style and those below that add."""
        own = _values(paragraph)
        form = {**self._style(own.get("style", "")), **own}
        level = int(form["level"]) + 1 if "level" in form else None
        if form.get("name") == "title":
            level = _TITLE_LEVEL
        return Form(
            form.get("name", ""), level, form.get("list", "0"), int(form.get("list_level", 0))
        )

    def marker(self, form: Form) -> str:
        """Return what stands before an item of a list, as "- " or "3. "; nothing before others."""
        if form.list == "0":
            return ""
        place = (form.list, form.list_level)
        meant = self._abstract.get(form.list, ""), form.list_level
        if self._formats.get(meant, _BULLET) == _BULLET:
            return "- "
        self._counts[place] += 1
        for deeper in range(form.list_level + 1, TEXT_LEVEL):
            self._counts.pop((form.list, deeper), None)
        return f"{self._counts[place]}. "

    def _number(self, numbering: BaseOxmlElement) -> None:
        """Learn how each level of each list counts: "bullet", "decimal", …"""
        for number in numbering.iterchildren(qn("w:num")):
            for meant in number.iterchildren(qn("w:abstractNumId")):
                self._abstract[number.get(qn("w:numId"), "")] = meant.get(_VALUE, "")
        for abstract in numbering.iterchildren(qn("w:abstractNum")):
            for level in abstract.iterchildren(qn("w:lvl")):
                for counted in level.iterchildren(qn("w:numFmt")):
                    place = abstract.get(qn("w:abstractNumId"), ""), int(level.get(qn("w:ilvl"), 0))
                    self._formats[place] = counted.get(_VALUE, _BULLET)

    def _style(self, name: str) -> Mapping[str, str]:
        if name not in self._styles:
            below, form = name, dict[str, str]()
            for _ in range(_DEEPEST):
                own = self._own.get(below, {})
                form = {**own, **form}
                below = own.get("based_on", "")
            self._styles[name] = form
        return self._styles[name]


def _style(style: BaseOxmlElement) -> Mapping[str, str]:
    form = _values(style)
    form["name"] = form.get("name", "").lower()
    if heading := _HEADING.fullmatch(form["name"]):
        form["level"] = str(int(heading[1]) - 1)
    return form


def _values(element: BaseOxmlElement) -> dict[str, str]:
    found = ((name, element.find(place, nsmap)) for name, place in _PLACES.items())
    return {name: node.get(_VALUE, "") for name, node in found if node is not None}
