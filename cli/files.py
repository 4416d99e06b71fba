"""What to upload: the files behind the given paths, their names, types and hashes."""

import hashlib
import io
import mimetypes
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from cli.client import Failed

# Python 3.11 does not know them.
mimetypes.add_type("text/markdown", ".md")
mimetypes.add_type("text/markdown", ".markdown")


@dataclass(frozen=True, slots=True)
class File:
    """A file on disk and the name its document gets; `size` in bytes."""

    path: Path
    name: str
    size: int


class CountedReader(io.FileIO):
    """An open file that tells how many bytes of it were just read."""

    def __init__(self, path: Path, count: Callable[[int], None]) -> None:
        super().__init__(path)
        self._count = count

    def read(self, size: int | None = -1, /) -> bytes:
        block: bytes = super().read(size)
        self._count(len(block))
        return block


def existing(text: str) -> Path:
    """Raises BadParameter for what is not there, and for an empty word, which no folder means."""
    if not text:
        raise typer.BadParameter("This path is empty; give . for this folder.")
    path = Path(text)
    if not path.exists():
        raise typer.BadParameter(f"There is no {text}.")
    return path


def find_files(
    paths: Iterable[Path], *, leave_out: Callable[[Path], object] = lambda _: None
) -> list[File]:
    """The given files, and what the given folders hold. Raises Failed.

    A file in a folder is named by its way from there, with slashes. What is hidden there, leads
    out of it or is neither file nor folder is given to `leave_out`.
    """
    files: dict[str, File] = {}
    for path in paths:
        for found in _files_at(path, leave_out):
            file = _name(found, below=path if path.is_dir() else path.parent)
            other = files.setdefault(file.name, file)
            if not other.path.samefile(file.path):
                raise Failed(
                    f"{other.path} and {file.path} would both be named {file.name}; "
                    "give the folder that holds both, or one of them."
                )
    if not files:
        raise Failed("There is no file to upload.")
    return list(files.values())


def content_type(file: File) -> str:
    guessed, packed_with = mimetypes.guess_type(file.name)
    return guessed if guessed and not packed_with else "application/octet-stream"


def sha256(file: File) -> str:
    with file.path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _files_at(path: Path, leave_out: Callable[[Path], object]) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for parent, folders, names in os.walk(path, onerror=_unreadable):
            below = [Path(parent, name) for name in sorted((*folders, *names))]
            taken = [found for found in below if _is_meant(found, path)]
            for found in below:
                if found not in taken:
                    leave_out(found)
            folders[:] = [found.name for found in taken if found.is_dir()]
            yield from (found for found in taken if found.is_file())
    else:
        raise Failed(f"{path} is neither a file nor a folder.")


def _is_meant(found: Path, folder: Path) -> bool:
    """A link that leads out of the folder leads to what nobody meant to upload, and one to a folder
    in it to what is uploaded anyway.
    """
    if found.name.startswith("."):
        return False
    if found.is_symlink():
        return found.is_file() and found.resolve().is_relative_to(folder.resolve())
    return found.is_file() or found.is_dir()


def _name(found: Path, *, below: Path) -> File:
    # On disk a name may be any bytes; a document's is Unicode.
    name = os.fsencode(found.relative_to(below).as_posix()).decode(errors="replace")
    return File(found, name, found.stat().st_size)


def _unreadable(error: OSError) -> None:
    raise Failed(f"{error.filename} cannot be read: {error.strerror}.")
