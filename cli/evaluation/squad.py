"""SQuAD's layout: articles of paragraphs, each with questions and the spans that answer them.

https://rajpurkar.github.io/SQuAD-explorer/
"""

import json
from pathlib import Path
from typing import Any

from cli.evaluation.dataset import (
    BadDataset,
    Dataset,
    Document,
    Query,
    Span,
    clean,
    markdown,
    slug,
)
from cli.evaluation.reading import string, text_of


def read(path: Path) -> Dataset:
    """Each distinct paragraph is a document, titled as its article. Raises BadDataset."""
    reading = _Reading(path)
    for number, article in enumerate(_list(_parsed(path), "data", place=str(path))):
        reading.article(article, f"{path} data[{number}]", number)
    if not reading.queries:
        raise BadDataset(f"{path} has no question with an answer.")
    remarks = []
    if reading.unanswerable:
        total = len(reading.queries) + reading.unanswerable
        remarks.append(
            f"Left out for want of an answer: {reading.unanswerable:,} of {total:,} questions."
        )
    return Dataset(
        name=slug(path.stem),
        kind="SQuAD",
        unit="document",
        documents=list(reading.documents.values()),
        queries=list(reading.queries.values()),
        remarks=remarks,
    )


class _Reading:
    """Documents by title and text, queries by id."""

    def __init__(self, path: Path) -> None:
        self.documents: dict[str, Document] = {}
        self.queries: dict[str, Query] = {}
        self.unanswerable = 0

    def article(self, article: dict[str, Any], place: str, number: int) -> None:
        title = string(article, "title", place=place, empty=True).replace("_", " ")
        for index, paragraph in enumerate(_list(article, "paragraphs", place=place)):
            inner = f"{place}.paragraphs[{index}]"
            context = string(paragraph, "context", place=inner)
            text = markdown(title, context)
            document = self.documents.setdefault(
                text,
                Document(
                    id=f"{number:03d}-{index:03d}",
                    name=f"{number:03d}-{index:03d}.md",
                    title=title,
                    text=text,
                ),
            )
            for nth, asked in enumerate(_list(paragraph, "qas", place=inner)):
                self._question(asked, f"{inner}.qas[{nth}]", document, context)

    def _question(
        self, asked: dict[str, Any], place: str, document: Document, context: str
    ) -> None:
        name = string(asked, "id", place=place)
        if name in self.queries:
            raise BadDataset(f"{place} repeats the id {name}.")
        answers = _list(asked, "answers", place=place)
        if asked.get("is_impossible") or not answers:
            self.unanswerable += 1
            return
        end = len(document.text or "")
        begin = end - len(clean(context))
        spans = []
        for nth, answer in enumerate(answers):
            start, stop = _answer(answer, f"{place}.answers[{nth}]", context)
            spans.append(Span(document.id, begin + start, begin + stop))
        self.queries[name] = Query(
            id=name,
            question=string(asked, "question", place=place),
            relevant={document.id: 1},
            passages=[Span(document.id, begin, end)],
            answers=list(dict.fromkeys(spans)),
        )


def _answer(answer: dict[str, Any], place: str, context: str) -> tuple[int, int]:
    """Where it is in the paragraph as it will be read."""
    text = string(answer, "text", place=place)
    start = answer.get("answer_start")
    if not isinstance(start, int) or not context.startswith(text, max(start, 0)):
        raise BadDataset(f"{place} is not in its paragraph at {start}.")
    return len(clean(context[:start])), len(clean(context[: start + len(text)]))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise BadDataset(f"{path} line {error.lineno} is not JSON: {error.msg}.") from None
    if not isinstance(parsed, dict):
        raise BadDataset(f"{path} is not a JSON object with 'data'.")
    return parsed


def _list(found: dict[str, Any], field: str, *, place: str) -> list[dict[str, Any]]:
    value = found.get(field)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadDataset(f"{place} has no list of objects under '{field}'.")
    return value
