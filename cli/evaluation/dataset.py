"""What is evaluated: documents, and questions whose answers are known to be in them."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cli.client import Failed

Half = Literal["first", "second", "all"]
# What the ranking metrics rank: documents, or the passages that chunks hold.
Unit = Literal["document", "passage"]

_NOTE = "dataset.txt"
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class BadDataset(Failed):
    """One sentence that says which file, and where in it, is not as it should be."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a document's canonical text, counted in code points."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Either `text`, which becomes the canonical text as it is, or the file at `path`.

    `name` is its filename below the dataset's own prefix.
    """

    id: str
    name: str
    title: str = ""
    text: str | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question and what answers it.

    `relevant` are grades above 0 by document. `passages` all answer it together; any one of
    `answers` does so alone. `quote` is a passage whose place is not known before its document was
    read: see `locating`.
    """

    id: str
    question: str
    relevant: Mapping[str, int]
    passages: Sequence[Span] = ()
    answers: Sequence[Span] = ()
    quote: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """`remarks` are sentences on what was left out or cut."""

    name: str
    kind: str
    unit: Unit
    documents: Sequence[Document]
    queries: Sequence[Query]
    remarks: Sequence[str] = ()

    def filename(self, document: Document) -> str:
        """What the document is called in the deployment, so that it is known among others."""
        return f"{self.name}/{document.name}"

    def without(self, causes: Mapping[str, str]) -> "Dataset":
        """Without the documents that could not be read, by id, and why; a remark tells of them.

        Raises BadDataset for one that a question needs.
        """
        if not causes:
            return self
        first, why = next(iter(causes.items()))
        for query in self.queries:
            if needed := next((name for name in query.relevant if name in causes), None):
                raise BadDataset(
                    f"{needed} could not be read, and question {query.id} needs it: "
                    f"{causes[needed]}"
                )
        remark = (
            f"Left out, as they could not be read: {len(causes):,} of {len(self.documents):,} "
            f"documents; the first is {first}: {why}"
        )
        kept = [document for document in self.documents if document.id not in causes]
        return replace(self, documents=kept, remarks=[*self.remarks, remark])


def claim(folder: Path, dataset: Path) -> None:
    """Make a folder for what comes of this dataset. Raises Failed where it is another's.

    Before anybody waits for long: two datasets may well have one name.
    """
    path = dataset.resolve()
    path = path.parent if path.name == "questions.jsonl" else path
    note = folder / _NOTE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not note.exists():
            note.write_text(str(path), encoding="utf-8", errors="surrogateescape")
        owner = note.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise Failed(f"{folder} cannot be written to: {error.strerror}.") from None
    if owner != str(path):
        raise Failed(f"{folder} holds what came of {owner}; name another folder, or remove it.")


def choose(dataset: Dataset, *, half: Half, limit: int | None, seed: int) -> Dataset:
    """The queries of that half, and of both queries and documents no more than `limit`.

    Halves depend on the queries' ids and the seed only, not on their order. What answers a query
    that is kept is always kept.
    """
    kept = list(dataset.queries)
    if half != "all":
        drawn = sorted(query.id for query in kept)
        drawn.sort(key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
        middle = (len(drawn) + 1) // 2
        chosen = set(drawn[:middle] if half == "first" else drawn[middle:])
        kept = [query for query in kept if query.id in chosen]
    kept = kept[:limit]
    if not kept:
        raise BadDataset(f"The {half} half of {dataset.name} has no questions.")
    documents = list(dataset.documents)
    if limit is not None:
        gold = {document for query in kept for document in query.relevant}
        room = max(0, limit - len(gold))
        others = [document.id for document in documents if document.id not in gold][:room]
        chosen = gold | set(others)
        documents = [document for document in documents if document.id in chosen]
    return replace(dataset, queries=kept, documents=documents)


def markdown(title: str, text: str) -> str:
    """A file whose title the extraction finds, and whose canonical text is exactly this."""
    heading = " ".join(title.split())
    # The extraction makes every line end \n.
    body = clean(text)
    return f"# {heading}\n\n{body}" if heading else body


def clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def safe_name(identifier: str, suffix: str) -> str:
    """A filename for any id: the id itself where that is one, else its hash."""
    if _PLAIN_ID.fullmatch(identifier):
        return identifier + suffix
    return hashlib.sha256(identifier.encode()).hexdigest()[:32] + suffix


def slug(name: str) -> str:
    return _UNSAFE.sub("-", name).strip("-.")[:80] or "dataset"
