"""Requirements and code to the folders that are deployed; what is there already is kept."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bundling.bundles import BUNDLES, LAYER, ROOT, Bundle, Target
from bundling.compiling import compile_all, find_python
from bundling.installing import REQUIREMENTS, install, pinned
from bundling.stripping import strip

# The earliest time that a zip can hold.
_EPOCH = 315_532_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A bundle's folder; sizes in bytes. `digest` is of every file's path, mode and content."""

    bundle: str
    folder: str
    digest: str
    installed: int
    own: int
    compiled: bool


def build(target: Target, bundles: Sequence[Bundle] = BUNDLES) -> list[Built]:
    """Raises CalledProcessError when a requirement cannot be had."""
    target.folder.mkdir(parents=True, exist_ok=True)
    with (target.folder / ".building").open("w") as lock:
        # Tests side by side want the same one.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return [_build(bundle, target) for bundle in bundles]


def _build(bundle: Bundle, target: Target) -> Built:
    python = find_python(target.python)
    folder = target.folder / bundle.path
    note = target.folder / ".built" / f"{bundle.path.replace('/', '-')}.json"
    key = _key(bundle, target, python)
    if note.exists() and folder.exists():
        noted = json.loads(note.read_text())
        if noted.pop("key") == key:
            return Built(**noted)
    shutil.rmtree(folder, ignore_errors=True)
    note.unlink(missing_ok=True)
    packages = _packages(bundle, target, python)
    top = folder / bundle.root
    top.mkdir(parents=True)
    if packages:
        # Linked: nothing writes to either.
        shutil.copytree(packages, top, copy_function=os.link, dirs_exist_ok=True)
    own = folder.with_suffix(".own")
    shutil.rmtree(own, ignore_errors=True)
    for source, place in bundle.code:
        _copy(ROOT / source, own / place)
    if python:
        compile_all(own, python=python, mount=_mount(bundle))
    own_size = _size(own)
    shutil.copytree(own, top, copy_function=shutil.move, dirs_exist_ok=True)
    shutil.rmtree(own)
    _settle(folder)
    built = Built(
        bundle=bundle.path,
        folder=str(folder),
        digest=digest(folder),
        installed=_size(folder) - own_size,
        own=own_size,
        compiled=python is not None,
    )
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"key": key, **asdict(built)}))
    return built


def _packages(bundle: Bundle, target: Target, python: str | None) -> Path | None:
    """What a bundle requires, installed, stripped and compiled; kept for when our code changes."""
    if bundle.requirements is None:
        return None
    without = [] if bundle is LAYER else pinned("layer")
    key = _hash([REQUIREMENTS / f"{bundle.requirements}.txt"], bundle, target, python, without)
    folder = target.folder / ".installed" / f"{bundle.requirements}-{key[:12]}"
    if not folder.exists():
        for former in folder.parent.glob(f"{bundle.requirements}-*"):
            # A build that was cut short may have left a file of that name.
            shutil.rmtree(former) if former.is_dir() else former.unlink()
        making = folder.with_suffix(".making")
        install(bundle.requirements, making, target=target, without=without)
        strip(making)
        if python:
            compile_all(making, python=python, mount=_mount(bundle))
        _settle(making)
        making.rename(folder)
    return folder


def digest(folder: Path) -> str:
    """One hash of all that is below a folder, the same on every machine."""
    seen = hashlib.sha256()
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        seen.update(f"{name}\0{path.stat().st_mode & 0o777:o}\0".encode())
        seen.update(hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()


def _key(bundle: Bundle, target: Target, python: str | None) -> str:
    requirements = [REQUIREMENTS / f"{name}.txt" for name in ("layer", bundle.requirements) if name]
    code = [path for source, _ in bundle.code for path in _files(ROOT / source)]
    return _hash([*requirements, *code], bundle, target, python)


def _hash(files: Sequence[Path], *settings: object) -> str:
    """Of the files, of what else decides, and of how it is done: this package's own code."""
    seen = hashlib.sha256(repr(settings).encode())
    for path in [*files, *_files(ROOT / "bundling")]:
        seen.update(f"{path}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not (folder.is_relative_to(ROOT) and _ignored(path)):
            yield path


def _ignored(path: Path) -> bool:
    """What a source tree holds that is not source; in a bundle, bytecode is."""
    return "__pycache__" in path.parts and "build" not in path.relative_to(ROOT).parts


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, place)


def _settle(folder: Path) -> None:
    """The same modes and times whoever builds, and whenever."""
    for path in [folder, *folder.rglob("*")]:
        runs = path.is_dir() or path.suffix == ".sh"
        path.chmod(0o755 if runs else 0o644)
        os.utime(path, (_EPOCH, _EPOCH))


def _mount(bundle: Bundle) -> str:
    return f"{bundle.mount}/{bundle.root}".rstrip("/")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
