"""BEIR's layout: corpus.jsonl, queries.jsonl, and qrels.tsv (or qrels/test.tsv).

https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset
"""

from pathlib import Path

from cli.evaluation.dataset import (
    BadDataset,
    Dataset,
    Document,
    Query,
    Span,
    markdown,
    safe_name,
    slug,
)
from cli.evaluation.reading import numbered, objects, string

# What trec_eval, in C, can count.
_MOST = 2**31 - 1

Grades = dict[str, dict[str, int]]


def read(folder: Path) -> Dataset:
    """Raises BadDataset."""
    corpus, queries = folder / "corpus.jsonl", folder / "queries.jsonl"
    documents, blank = _documents(corpus)
    questions = _questions(queries)
    qrels = folder / "qrels.tsv"
    if not qrels.exists() and (folder / "qrels" / "test.tsv").exists():
        qrels = folder / "qrels" / "test.tsv"
    grades = _grades(qrels, documents={*documents, *blank}, queries=set(questions))
    lengths = {name: len(document.text or "") for name, document in documents.items()}
    asked = [
        Query(
            id=name,
            question=question,
            relevant=grades[name],
            passages=[Span(gold, 0, lengths[gold]) for gold in grades[name] if gold in lengths],
        )
        for name, question in questions.items()
        if not documents.keys().isdisjoint(grades.get(name, {}))
    ]
    if not asked:
        raise BadDataset(f"{qrels} has no relevant document for any query of {queries}.")
    remarks = []
    if blank:
        total = len(documents) + len(blank)
        remarks.append(f"Left out for want of text: {len(blank):,} of {total:,} documents.")
    if unasked := len(questions) - len(asked):
        remarks.append(
            f"Left out for want of a relevant document with text: {unasked:,} of "
            f"{len(questions):,} queries."
        )
    return Dataset(
        name=slug(folder.resolve().name),
        kind="BEIR",
        unit="document",
        documents=list(documents.values()),
        queries=asked,
        remarks=remarks,
    )


def _documents(path: Path) -> tuple[dict[str, Document], set[str]]:
    """The documents by id, and the ids of those that hold nothing to be read."""
    documents: dict[str, Document] = {}
    blank: set[str] = set()
    for line, found in objects(path):
        place = f"{path} line {line}"
        name = string(found, "_id", place=place)
        title = string(found, "title", place=place, empty=True)
        text = string(found, "text", place=place, empty=True)
        if name in documents or name in blank:
            raise BadDataset(f"{place} repeats the id {name}.")
        if not (title + text).strip():
            blank.add(name)
            continue
        documents[name] = Document(
            id=name,
            name=safe_name(name, ".md"),
            title=" ".join(title.split()),
            text=markdown(title, text),
        )
    if not documents:
        raise BadDataset(f"{path} has no documents.")
    return documents, blank


def _questions(path: Path) -> dict[str, str]:
    questions: dict[str, str] = {}
    for line, found in objects(path):
        place = f"{path} line {line}"
        name = string(found, "_id", place=place)
        if name in questions:
            raise BadDataset(f"{place} repeats the id {name}.")
        questions[name] = string(found, "text", place=place)
    if not questions:
        raise BadDataset(f"{path} has no queries.")
    return questions


def _grades(path: Path, *, documents: set[str], queries: set[str]) -> Grades:
    """Grades above 0 by query and document. The header line is optional."""
    grades: Grades = {}
    for line, text in numbered(path):
        place = f"{path} line {line}"
        fields = text.split("\t")
        if len(fields) != 3:
            raise BadDataset(f"{place} has not three fields: query-id, corpus-id, score.")
        query, document, score = (field.strip() for field in fields)
        if line == 1 and score == "score":
            continue
        try:
            grade = int(score)
        except ValueError:
            raise BadDataset(f"{place} has the score '{score}', which is no integer.") from None
        if grade > _MOST:
            raise BadDataset(f"{place} has a score above {_MOST:,}.")
        if query not in queries:
            raise BadDataset(f"{place} names the query {query}, which queries.jsonl has not.")
        if document not in documents:
            raise BadDataset(f"{place} names the document {document}, which corpus.jsonl has not.")
        if grade > 0:
            grades.setdefault(query, {})[document] = grade
    return grades
