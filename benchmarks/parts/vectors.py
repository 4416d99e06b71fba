"""Texts → MiniLM's vectors, each made once and kept in a file for the next time."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cli.client import Failed
from local.minilm import DIMENSIONS, MiniLM

Floats = NDArray[np.float32]

_TEXTS_OF_CALL = 32
_CALLS_SIDE_BY_SIDE = 2
# What is lost, at most, when one is interrupted.
_TEXTS_UNTIL_KEPT = 1_024


class Vectors:
    def __init__(self, path: Path) -> None:
        """`path` is a .npz that need not be there yet. Raises Failed for what is none of ours."""
        self._path = path
        self._rows: dict[bytes, Floats] = {}
        if path.exists():
            try:
                with path.open("rb") as file, np.load(file) as kept:
                    self._rows = dict(zip(map(bytes, kept["keys"]), kept["rows"], strict=True))
            except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile):
                message = f"{path} holds no vectors; remove it, and they are made anew."
                raise Failed(message) from None

    def of(self, texts: Sequence[str], *, told: Callable[[int, int], None]) -> Floats:
        """Unit vectors (n, 384); `told` how many of those that are new are made."""
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        new = {k: text for k, text in zip(keys, texts, strict=True) if k not in self._rows}
        missing = list(new.items())
        if missing:
            model = MiniLM.load()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            for start in range(0, len(missing), _TEXTS_UNTIL_KEPT):
                told(start, len(missing))
                self._add(model, missing[start : start + _TEXTS_UNTIL_KEPT])
        found = [self._rows[key] for key in keys]
        return np.array(found, dtype=np.float32).reshape(len(keys), DIMENSIONS)

    def _add(self, model: MiniLM, missing: Sequence[tuple[bytes, str]]) -> None:
        calls = [missing[i : i + _TEXTS_OF_CALL] for i in range(0, len(missing), _TEXTS_OF_CALL)]
        with ThreadPoolExecutor(_CALLS_SIDE_BY_SIDE) as threads:
            made = threads.map(lambda call: model.embed([text for _, text in call]), calls)
            for call, rows in zip(calls, made, strict=True):
                self._rows |= dict(zip((key for key, _ in call), rows, strict=True))
        # As void, since bytes would lose the zeros at their end.
        keys = np.array(list(self._rows), dtype="V32")
        partial = self._path.with_suffix(".partial.npz")
        np.savez(partial, keys=keys, rows=np.array(list(self._rows.values())))
        partial.replace(self._path)
