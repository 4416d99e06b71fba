"""A dataset as ingestion reads and cuts it: the same chunks, without a cloud."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import NAMESPACE_URL, UUID, uuid5

from cli.evaluation.dataset import Dataset, Document
from cli.evaluation.ingestion import located
from functions.ingest.reading import Text, read
from quire.domain import Chunk
from quire.errors import Unreadable
from quire.objects import StoredObject

_FOREVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A dataset, its quotes located, with its chunks; `names` are the documents' own ids in it."""

    dataset: Dataset
    chunks: list[Chunk]
    names: dict[UUID, str]


def cut(dataset: Dataset) -> Corpus:
    """Without the files that ingestion would refuse. Raises BadDataset as `located` does, and for
    such a file that a question needs.
    """
    texts: dict[str, Text] = {}
    causes: dict[str, str] = {}
    for document in dataset.documents:
        try:
            texts[document.id] = _read(dataset, document)
        except Unreadable as error:
            causes[document.id] = error.message
    dataset = dataset.without(causes)
    ids = {name: uuid5(NAMESPACE_URL, name) for name in texts}
    whole = {name: text.text for name, text in texts.items()}
    return Corpus(
        dataset=replace(dataset, queries=[located(query, whole) for query in dataset.queries]),
        chunks=[chunk for name, text in texts.items() for chunk in _chunks(ids[name], name, text)],
        names={id_: name for name, id_ in ids.items()},
    )


def _read(dataset: Dataset, document: Document) -> Text:
    content = document.path.read_bytes() if document.path else (document.text or "").encode()
    stored = StoredObject(content=content, content_type=None, metadata={})
    return read(stored, filename=dataset.filename(document), until=_FOREVER)


def _chunks(document: UUID, filename: str, text: Text) -> Iterator[Chunk]:
    for passage in text.passages:
        yield Chunk(
            id=uuid5(document, str(passage.ordinal)),
            document=document,
            version=1,
            filename=filename,
            title=text.title,
            ordinal=passage.ordinal,
            start=passage.start,
            end=passage.end,
            text="",
            heading=passage.heading,
            page=passage.page,
        ).with_text(text.text)
