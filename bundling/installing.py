"""Hashed requirements to a folder of packages for another platform: wheels only, by uv."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bundling.bundles import ROOT, Target

REQUIREMENTS = ROOT / "requirements"


def install(name: str, folder: Path, *, target: Target, without: Sequence[str] = ()) -> None:
    """Put what `requirements/{name}.txt` pins into `folder`, but for the packages `without`.

    Raises CalledProcessError when a wheel is missing or is not the one that was pinned.
    """
    folder.mkdir(parents=True)
    excluded = folder.with_suffix(".excluded")
    excluded.write_text("".join(f"{package}\n" for package in without))
    platform = ["--python-platform", target.platform] if target.platform else []
    try:
        subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "install", "--quiet"),
                *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
                # A linked file would be uv's own, in its cache.
                *("--link-mode", "copy", "--excludes", str(excluded)),
                *("--python", sys.executable, "--python-version", target.python, *platform),
                *("--target", str(folder), "--requirement", str(REQUIREMENTS / f"{name}.txt")),
            ],
            env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
            check=True,
        )
    finally:
        excluded.unlink()


def pinned(name: str) -> list[str]:
    """The packages that `requirements/{name}.txt` names."""
    lines = (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line and line[0].isalnum()]
