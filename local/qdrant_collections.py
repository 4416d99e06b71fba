"""The laptop's Qdrant on disk: a folder a collection, a shard of the engine in each, and aliases.

The engine keeps Python's global lock through every call (measured), so a thread would free
nobody: calls run on the event loop, one after the other, and need no lock of ours.
"""

import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import qdrant_edge as edge
from pydantic import BaseModel
from qdrant_client.http import models

from local.qdrant_schema import collection_info, engine_config
from local.qdrant_translation import Refused

# Fewer changes are not worth the copy. It is also the engine's least for dropping deleted points.
OPTIMIZE_AFTER_POINTS = 1_000

logger = logging.getLogger(__name__)


class Stored(BaseModel):
    """collection.json: how the collection was asked for, and which shard beside it is live."""

    definition: models.CreateCollection
    shard: str


class Collection:
    """One collection and its open shard; used from one event loop only."""

    def __init__(self, folder: Path, stored: Stored, shard: edge.EdgeShard) -> None:
        self._folder = folder
        self._stored = stored
        self._shard = shard
        self._flushed = False
        self._dropped = False
        # Whether the optimiser ever saw what a restart finds is not known.
        self._changed = shard.info().points_count
        self._journal: list[edge.UpdateOperation] | None = None

    @classmethod
    def create(cls, folder: Path, definition: models.CreateCollection) -> "Collection":
        stored = Stored(definition=definition, shard=_new_name())
        config = engine_config(definition)
        folder.mkdir(exist_ok=True)
        shard = edge.EdgeShard.create(str(folder / stored.shard), config)
        _write(folder / "collection.json", stored.model_dump_json(exclude_none=True))
        return cls(folder, stored, shard)

    @classmethod
    def load(cls, folder: Path) -> "Collection":
        stored = Stored.model_validate_json((folder / "collection.json").read_text())
        try:
            shard = edge.EdgeShard.load(str(folder / stored.shard))
        except Exception as error:
            message = f"Cannot open {folder}; stop the server that uses it, or change --state."
            raise RuntimeError(message) from error
        for leftover in folder.glob("shard-*"):
            if leftover.name != stored.shard:
                shutil.rmtree(leftover, ignore_errors=True)
        return cls(folder, stored, shard)

    @property
    def shard(self) -> edge.EdgeShard:
        """For reading; what writes goes through `update`."""
        return self._shard

    def info(self) -> models.CollectionInfo:
        optimizing = self._journal is not None or self._changed >= OPTIMIZE_AFTER_POINTS
        return collection_info(self._stored.definition, self._shard.info(), optimizing=optimizing)

    def update(self, operation: edge.UpdateOperation, *, upserted: int = 0) -> None:
        """Apply it; once this returns, the operation outlives a SIGKILL of the process."""
        before = self._shard.info().points_count
        self._flushed = False
        # First, because an operation may fail when half of it is done.
        if self._journal is not None:
            self._journal.append(operation)
        self._shard.update(operation)
        self._changed += max(upserted, before - self._shard.info().points_count)

    async def keep(self) -> None:
        """Flush what was written of late; optimise once a whole interval brought no writes."""
        if not self._flushed:
            self._shard.flush()
            self._flushed = True
        elif self._changed >= OPTIMIZE_AFTER_POINTS:
            await self._optimize()

    async def _optimize(self) -> None:
        """Optimise a copy in another process, replay what was written meanwhile, and take it."""
        name = _new_name()
        copy = self._folder / name
        self._shard.flush()
        shutil.copytree(self._folder / self._stored.shard, copy)
        self._changed, self._journal = 0, []
        try:
            if await _run_optimizer(copy) == 0 and not self._dropped:
                self._replace(name, self._journal)
        finally:
            self._journal = None
            if self._stored.shard != name:
                shutil.rmtree(copy, ignore_errors=True)

    def _replace(self, name: str, journal: list[edge.UpdateOperation]) -> None:
        fresh = edge.EdgeShard.load(str(self._folder / name))
        for operation in journal:
            with suppress(Exception):  # what failed was reported when it was asked for
                fresh.update(operation)
        stored = self._stored.model_copy(update={"shard": name})
        _write(self._folder / "collection.json", stored.model_dump_json(exclude_none=True))
        self._shard.close()
        shutil.rmtree(self._folder / self._stored.shard, ignore_errors=True)
        self._shard, self._stored = fresh, stored

    def drop(self) -> None:
        self._dropped = True
        # Without its description a folder is no collection, whatever interrupts the rest.
        (self._folder / "collection.json").unlink()
        self._shard.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Flush and let go of the files."""
        self._shard.close()


class Collections:
    """All collections of a state folder, by name or alias; the folder has one opener."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "collections"
        self._aliases_file = state / "aliases.json"
        self._open: dict[str, Collection] = {}
        self.aliases: dict[str, str] = {}

    def open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._aliases_file.exists():
            self.aliases = json.loads(self._aliases_file.read_text())
        for folder in sorted(self._folder.iterdir()):
            if (folder / "collection.json").exists():
                self._open[folder.name] = Collection.load(folder)
            else:
                shutil.rmtree(folder)

    def close(self) -> None:
        for collection in self._open.values():
            collection.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __contains__(self, name: str) -> bool:
        return self.aliases.get(name, name) in self._open

    def __getitem__(self, name: str) -> Collection:
        try:
            return self._open[self.aliases.get(name, name)]
        except KeyError:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!") from None

    def create(self, name: str, definition: models.CreateCollection) -> None:
        if name in self._open:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        if name in self.aliases:
            raise Refused(400, f"The name {name} is an alias already; choose another.")
        if name in (".", "..") or len(name) > 255 or set(name) & set('<>:"/\\|?*\0\x1f'):
            raise Refused(422, f"{name!r} cannot name a collection; use letters, digits, _ and -.")
        self._open[name] = Collection.create(self._folder / name, definition)

    def delete(self, name: str) -> bool:
        collection = self._open.pop(name, None)
        if collection is None:
            return False
        collection.drop()
        self._set_aliases({alias: of for alias, of in self.aliases.items() if of != name})
        return True

    def change_aliases(self, actions: list[models.AliasOperations]) -> None:
        """All of them or none."""
        aliases = dict(self.aliases)
        for action in actions:
            match action:
                case models.CreateAliasOperation(create_alias=wanted):
                    aliases[self._free(wanted.alias_name)] = self._known(wanted.collection_name)
                case models.DeleteAliasOperation(delete_alias=unwanted):
                    aliases.pop(unwanted.alias_name, None)
                case models.RenameAliasOperation(rename_alias=names):
                    if names.old_alias_name not in aliases:
                        raise Refused(404, f"Not found: Alias {names.old_alias_name}")
                    new_name = self._free(names.new_alias_name)
                    aliases[new_name] = aliases.pop(names.old_alias_name)
        self._set_aliases(aliases)

    def _free(self, alias: str) -> str:
        if alias in self._open:
            raise Refused(409, f"Wrong input: Collection `{alias}` already exists!")
        return alias

    def _known(self, name: str) -> str:
        if name not in self._open:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return name

    def _set_aliases(self, aliases: dict[str, str]) -> None:
        _write(self._aliases_file, json.dumps(aliases))
        self.aliases = aliases

    async def keep(self, *, every: float) -> None:
        """Look after every collection each `every` seconds, for ever."""
        while True:
            await asyncio.sleep(every)
            for name, collection in list(self._open.items()):
                try:
                    await collection.keep()
                except Exception:
                    logger.exception("Collection %s could not be flushed or optimised", name)


async def _run_optimizer(folder: Path) -> int:
    command = (sys.executable, "-m", "local.qdrant_optimizer", str(folder))
    child = await asyncio.create_subprocess_exec(*command)
    try:
        return await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _new_name() -> str:
    return f"shard-{uuid4().hex[:8]}"


def _write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
