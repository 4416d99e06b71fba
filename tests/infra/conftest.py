"""All stages are synthesized once a run: it takes seconds, and Node."""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.infra.stages import ALL, stand_in, synthesize
from tests.infra.template import Template


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "assembly"
    with (base / "assembly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = base / "assembly.new"
            synthesize(made, ALL, build=stand_in(base / "build"))
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def templates(assembly: Path) -> Mapping[str, Template]:
    """By stage: those of `make deploy`, and `edge` and `jwt`, which have all options."""
    return {s.name: Template(assembly / f"quire-{s.name}.template.json") for s in ALL}


@pytest.fixture(scope="session")
def dev(templates: Mapping[str, Template]) -> Template:
    return templates["dev"]
