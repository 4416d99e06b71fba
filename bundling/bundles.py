"""What is bundled: of which requirements and which of our own code, for which Python, how large."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The Python that a bundle is for. `platform` is uv's name of one; None is this machine's."""

    name: str
    python: str
    platform: str | None
    folder: Path


# What infra deploys: Lambda's python3.13 on arm64, which is Amazon Linux 2023 with glibc 2.34.
LAMBDA = Target(name="lambda", python="3.13", platform="aarch64-manylinux_2_28", folder=BUILD)
# The same on this machine, to be started here.
HERE = Target(
    name="here",
    python=f"{sys.version_info.major}.{sys.version_info.minor}",
    platform=None,
    folder=BUILD / "here",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """`code` are our own folders, by where they are in the bundle; `mount` is where Lambda unpacks.

    Budgets are in bytes, unzipped and with bytecode: of what is installed, and of our own code.
    """

    path: str
    mount: str
    requirements: str | None
    code: Sequence[tuple[str, str]]
    installed_budget: int
    own_budget: int = 2 * MB
    # Below the bundle, where Python looks for modules.
    root: str = ""


def _function(name: str, *, requirements: str | None = None, installed: int = 0) -> Bundle:
    """A function's code under its own path (ADR 1), with what it alone needs beside it."""
    return Bundle(
        path=f"functions/{name}",
        mount="/var/task",
        requirements=requirements,
        code=[("functions/__init__.py",) * 2, (f"functions/{name}",) * 2],
        installed_budget=installed,
    )


LAYER = Bundle(
    path="layer",
    mount="/opt",
    root="python",
    requirements="layer",
    code=[("layers/common/python/quire", "quire")],
    installed_budget=138 * MB,
)
BUNDLES = (
    LAYER,
    _function("chat"),
    _function("ingest", requirements="ingest", installed=60 * MB),
    _function("health"),
    _function("migrate", requirements="migrate", installed=40 * MB),
)
