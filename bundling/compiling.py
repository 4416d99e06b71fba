"""Bytecode that a bundle brings along: Lambda's disk is read-only, and compiling doubles a start.

A zip has its times reset, so bytecode checked by its source's time would be taken for stale: it
has the source's hash instead, and that is not looked at (PEP 552, unchecked).
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


@cache
def find_python(version: str) -> str | None:
    """An interpreter of that version on this machine: only itself can compile for itself.

    None where there is none; `BUNDLE_PYTHON` names one that is not on the path.
    """
    candidates = [
        *(os.environ.get("BUNDLE_PYTHON"), sys.executable, shutil.which(f"python{version}")),
        # What pyenv keeps is on the path as a shim, which may refuse to start it.
        *map(str, Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")),
    ]
    return next((each for each in candidates if each and _is(each, version)), None)


def compile_all(folder: Path, *, python: str, mount: str) -> None:
    """Compile what is below `folder`, which will be at `mount`, as tracebacks are to say.

    By one process, in order and with a fixed seed: the same sources are the same bytes.
    """
    subprocess.run(
        [
            *(python, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(folder), "-p", mount, str(folder)),
        ],
        check=True,
        env={"PYTHONHASHSEED": "0"},
    )


def _is(python: str, version: str) -> bool:
    try:
        answer = subprocess.run([python, "-I", "-c", _VERSION], capture_output=True, text=True)
    except OSError:
        return False
    return answer.stdout.strip() == version
