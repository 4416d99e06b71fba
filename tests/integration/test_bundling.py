"""What is built is the same each time, without what no function needs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bundling.building import build, digest
from bundling.bundles import BUNDLES, HERE, LAYER
from bundling.stripping import strip

MIGRATE = next(bundle for bundle in BUNDLES if bundle.requirements == "migrate")


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    targets = [replace(HERE, folder=tmp_path / name) for name in ("one", "other")]
    (one,), (other,) = (build(target, [MIGRATE]) for target in targets)
    assert one.digest == other.digest == digest(Path(one.folder))
    assert one.compiled
    # What is there is kept, and what was touched is not what was built.
    assert build(targets[0], [MIGRATE]) == [one]
    names = {path.name for path in Path(one.folder).rglob("*")}
    assert {"0001_first_schema.sql", "alembic", "handler.cpython-311.pyc"} & names
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


def test_rare_parts_of_numpy_are_not_missed() -> None:
    """Diversity alone asks for numpy, of which much is stripped."""
    (built,) = build(HERE, [LAYER])
    script = (
        "import json, numpy, quire.retrieval.ranking;"
        "rows = numpy.asarray([[1.0, 0.0]], dtype=numpy.float32);"
        "print(json.dumps([float((rows @ rows[0])[0]), numpy.__file__]))"
    )
    done = subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "-S", "-c", script],
        env={"PYTHONPATH": f"{built.folder}/python"},
        capture_output=True,
        text=True,
        check=True,
    )
    product, where = json.loads(done.stdout)
    assert product == 1.0
    assert where.startswith(built.folder)
