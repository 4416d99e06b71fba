"""Any dataset: which layout it has, and the file reading that the layouts share."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.evaluation.dataset import BadDataset, Dataset


def read(path: Path, *, documents: Path | None = None) -> Dataset:
    """The dataset at a folder (BEIR, or one with questions.jsonl) or a file (SQuAD, questions).

    `documents` is the folder that a file of questions is about. Raises BadDataset.
    """
    from cli.evaluation import beir, questions, squad

    if path.is_dir() and (path / "corpus.jsonl").exists():
        return beir.read(path)
    if path.is_dir() and (path / "questions.jsonl").exists():
        return questions.read(path / "questions.jsonl", documents=documents)
    if path.is_file() and path.suffix == ".jsonl":
        return questions.read(path, documents=documents)
    if path.is_file() and path.suffix == ".json":
        return squad.read(path)
    if not path.exists():
        raise BadDataset(f"There is no dataset at {path}.")
    raise BadDataset(
        f"{path} is no dataset: give a folder with corpus.jsonl, queries.jsonl and qrels.tsv "
        "(BEIR), a SQuAD-style .json, or a .jsonl of questions."
    )


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadDataset(f"{path} is missing.") from None
    except OSError as error:
        raise BadDataset(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadDataset(f"{path} is not text in UTF-8.") from None


def numbered(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1.

    Not `splitlines`: JSON may hold the line separators that it knows besides.
    """
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a file that has one a line, with their lines' numbers."""
    for number, line in numbered(path):
        try:
            found = json.loads(line)
        except ValueError:
            raise BadDataset(f"{path} line {number} is not JSON.") from None
        if not isinstance(found, dict):
            raise BadDataset(f"{path} line {number} is not a JSON object.")
        yield number, found


def string(found: dict[str, Any], field: str, *, place: str, empty: bool = False) -> str:
    """The field's text; `place` is the file, and where in it. Numbers are taken for ids."""
    value = found.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None and empty:
        return ""
    if not isinstance(value, str):
        raise BadDataset(f"{place} has no text under '{field}'.")
    # JSON may hold a NUL, and halves of characters (lone surrogates): no text has either.
    value = value.replace("\x00", " ").encode(errors="replace").decode()
    if not value.strip() and not empty:
        raise BadDataset(f"{place} has nothing but white space under '{field}'.")
    return value
