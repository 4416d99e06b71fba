"""The import rules hold, and would notice."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("functions", "deployed", "local", "cli", "infra", "layers")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code, to plant imports in."""
    there = tmp_path_factory.mktemp("code")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, there / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", there)
    return there


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{folder / 'layers/common/python'}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_rules_hold(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "planted"),
    [
        ("functions/chat/answering.py", "import functions.ingest.chunking"),
        ("functions/chat/answering.py", "import openai"),
        ("functions/chat/rendering.py", "import fastapi"),
        ("functions/chat/app.py", "import reference.apps"),
        ("functions/chat/answering.py", "import quire.settings"),
        ("functions/chat/routes/ask.py", "import quire.store.database"),
        ("layers/common/python/quire/store/jobs.py", "import quire.security"),
        ("functions/ingest/pipeline.py", "import psycopg"),
        ("layers/common/python/quire/domain/callers.py", "import pydantic"),
        ("layers/common/python/quire/store/sessions.py", "import quire.retrieval.index"),
        ("layers/common/python/quire/security.py", "import boto3"),
        ("cli/main.py", "import quire.domain"),
        ("infra/app.py", "import functions.chat.app"),
        ("deployed/routes.py", "import quire.domain"),
        ("functions/chat/app.py", "import deployed.routes"),
    ],
)
def test_a_planted_import_is_noticed(copy: Path, file: str, planted: str) -> None:
    path = copy / file
    honest = path.read_text()
    path.write_text(f"{honest}\n{planted}\n")
    try:
        result = lint(copy)
    finally:
        path.write_text(honest)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout


QUIRE = ROOT / "layers/common/python/quire"


@pytest.mark.parametrize(
    "path", [QUIRE / "errors.py", *(QUIRE / "domain").glob("*.py")], ids=lambda path: path.stem
)
def test_the_words_need_nothing_but_python(path: Path) -> None:
    source = path.read_text()
    own = {"quire"} if path.parent.name == "domain" else set()
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names | own
