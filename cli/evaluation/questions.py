"""Our own layout: a line a question, with the file that answers it and the words that do so."""

from pathlib import Path

from cli.evaluation.dataset import BadDataset, Dataset, Document, Query, slug
from cli.evaluation.reading import objects, string
from cli.files import find_files


def read(path: Path, *, documents: Path | None) -> Dataset:
    """The documents are the folder given, or the one beside the file that holds them.

    Raises BadDataset.
    """
    asked: dict[str, Query] = {}
    lines: dict[str, int] = {}
    for line, found in objects(path):
        place = f"{path} line {line}"
        name = string(found, "id", place=place)
        if name in asked:
            raise BadDataset(f"{place} repeats the id {name}.")
        filename = string(found, "filename", place=place)
        lines.setdefault(filename, line)
        asked[name] = Query(
            id=name,
            question=string(found, "question", place=place),
            relevant={filename: 1},
            quote=string(found, "passage", place=place),
        )
    if not asked:
        raise BadDataset(f"{path} has no questions.")
    folder = documents or _beside(path, next(iter(lines)))
    if not folder.is_dir():
        raise BadDataset(f"{folder} is not a folder of documents.")
    known = {
        file.name: Document(id=file.name, name=file.name, title=file.name, path=file.path)
        for file in find_files([folder])
        if file.path.resolve() != path.resolve()
    }
    for filename, line in lines.items():
        if filename not in known:
            raise BadDataset(f"{path} line {line} names {filename}, which {folder} has not.")
    generic = path.stem == "questions"
    return Dataset(
        name=slug(path.resolve().parent.name if generic else path.stem),
        kind="questions and passages",
        unit="passage",
        documents=list(known.values()),
        queries=list(asked.values()),
    )


def _beside(path: Path, filename: str) -> Path:
    parent = path.parent
    folders = [parent, *sorted(folder for folder in parent.iterdir() if folder.is_dir())]
    holding = [folder for folder in folders if (folder / filename).is_file()]
    if len(holding) != 1:
        found = "more than one folder" if holding else "no folder"
        raise BadDataset(
            f"Beside {path} there is {found} with {filename}; name the documents with --documents."
        )
    return holding[0]
