"""What is built is the same each time, without what no function needs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bundling.building import build, digest
from bundling.bundles import BUNDLES, HERE
from bundling.stripping import strip

# The first build of a layer takes a minute or two.
pytestmark = pytest.mark.timeout(600)

CHATS = {"fastapi", "starlette", "uvicorn", "mangum", "sentencex", "qdrant_client"}
MIGRATE = next(bundle for bundle in BUNDLES if bundle.requirements == "migrate")


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    targets = [replace(HERE, folder=tmp_path / name) for name in ("one", "other")]
    (one,), (other,) = (build(target, [MIGRATE]) for target in targets)
    assert one.digest == other.digest == digest(Path(one.folder))
    assert one.compiled
    # What is there is kept, and what was touched is not what was built.
    assert build(targets[0], [MIGRATE]) == [one]
    names = {path.name for path in Path(one.folder).rglob("*")}
    assert {"0001_first_schema.sql", "alembic"} <= names
    assert not {"RECORD", "uv_cache.json", "bin", "tests", "typing_extensions.py"} & names


def test_bytecode_is_taken_as_it_is(tmp_path: Path) -> None:
    """A zip has other times; bytecode that asks for its source's would be made anew each start."""
    (built,) = build(replace(HERE, folder=tmp_path), [MIGRATE])
    compiled = next(Path(built.folder).rglob("alembic/__pycache__/__init__.*.pyc"))
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01  # by hash, unchecked: PEP 552


def test_stripping_leaves_what_is_imported(tmp_path: Path) -> None:
    for name in (
        *("a/core.py", "a/tests/test_core.py", "a/core.pyi", "a/core.h", "bin/a"),
        *("a-1.dist-info/RECORD", "a-1.dist-info/METADATA", "a-1.dist-info/licenses/LICENSE"),
        *("botocore/data/s3/x.json", "botocore/data/ec2/x.json", "botocore/data/endpoints.json"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    strip(tmp_path)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        *("a/core.py", "a-1.dist-info/METADATA", "a-1.dist-info/licenses/LICENSE"),
        *("botocore/data/s3/x.json", "botocore/data/endpoints.json"),
    }


def test_only_migrate_brings_migration_tools() -> None:
    bringing = [bundle for bundle in BUNDLES if bundle.requirements]
    assert {bundle.path: bundle.requirements for bundle in bringing} == {
        "layer": "layer",
        "functions/ingest": "ingest",
        "functions/migrate": "migrate",
    }


@pytest.mark.parametrize(
    ("function", "loads", "never"),
    [
        ("chat", "functions.chat.app", {"qdrant_client", "numpy", "joserfc"}),
        ("ingest", "functions.ingest.composition, functions.ingest.intake", CHATS | {"numpy"}),
        ("health", "functions.health.handler", CHATS | {"pydantic", "psycopg", "openai", "boto3"}),
        ("migrate", "functions.migrate.handler", CHATS | {"openai", "httpx", "numpy"}),
    ],
)
def test_a_function_loads_nothing_of_anothers(function: str, loads: str, never: set[str]) -> None:
    """In the bundle's own folder, with the layer and nothing else."""
    build(HERE)
    script = f"import json, sys, {loads}; print(json.dumps(sorted(sys.modules)))"
    done = bare_python(script, path=HERE.folder / "layer/python", cwd=function)
    loaded = {name.partition(".")[0] for name in json.loads(done)}
    assert "functions" in loaded
    assert not loaded & never


def test_rare_parts_of_numpy_are_not_missed() -> None:
    """Diversity alone asks for numpy, of which much is stripped."""
    build(HERE)
    script = (
        "import json, numpy, quire.retrieval.ranking;"
        "rows = numpy.asarray([[1.0, 0.0]], dtype=numpy.float32);"
        "print(json.dumps([float((rows @ rows[0])[0]), numpy.__file__]))"
    )
    layer = HERE.folder / "layer/python"
    product, where = json.loads(bare_python(script, path=layer, cwd="chat"))
    assert product == 1.0
    assert where.startswith(str(layer))


def bare_python(script: str, *, path: Path, cwd: str) -> str:
    return subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "-S", "-c", script],
        cwd=HERE.folder / "functions" / cwd,
        env={"PYTHONPATH": str(path), "AWS_DEFAULT_REGION": "eu-central-1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
