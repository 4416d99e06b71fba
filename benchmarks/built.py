"""The bundles as Lambda has them: its client, the layer, a function's folder; nothing else."""

import asyncio
import importlib.metadata
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bundling.building import build, digest
from bundling.bundles import HERE
from local.deployment import functions
from local.lambda_runtime import LambdaRuntime

LAYER = HERE.folder / "layer"
# What Lambda's own runtime holds beside the standard library.
_RUNTIME = ("awslambdaric", "simplejson", "snapshot-restore-py")


def bundle_of(handler: str) -> Path:
    return HERE.folder / "functions" / handler.split(".")[1]


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """`python` is an interpreter that knows of no site-packages, `path` what it is told of."""

    python: Path
    path: str
    logs: Path

    @asynccontextmanager
    async def running(
        self,
        environment: Mapping[str, str],
        *,
        snapshot: bool = False,
        on_spawn: Callable[[int], object] = lambda pid: None,
    ) -> AsyncIterator[Mapping[str, LambdaRuntime]]:
        """Each deployed function by name, under a runtime with its own folder as task root."""
        environment = {**environment, "PYTHONPATH": self.path}
        async with AsyncExitStack() as started:
            yield {
                function.name: await started.enter_async_context(
                    LambdaRuntime(
                        [replace(function, snapshot=snapshot)],
                        task_root=bundle_of(function.handler),
                        log_dir=self.logs,
                        python=str(self.python),
                        on_spawn=on_spawn,
                    )
                )
                for function in functions(environment)
            }


def unpacked(folder: Path) -> Sandboxes:
    """Build what is not there yet, for this machine. Blocking: a minute or two the first time."""
    build(HERE)
    runtime = folder / "runtime"
    runtime.mkdir()
    for distribution in map(importlib.metadata.distribution, _RUNTIME):
        for top in {file.parts[0] for file in distribution.files or ()}:
            (runtime / top).symlink_to(str(distribution.locate_file(top)))
    # Under this name start.sh finds it too.
    python = folder / "bin" / "python"
    python.parent.mkdir()
    base = getattr(sys, "_base_executable", sys.executable)
    python.write_text(f'#!/bin/sh\nexec {base} -S "$@"\n')
    python.chmod(0o755)
    return Sandboxes(python, f"{LAYER / 'python'}:{runtime}", folder / "logs")


def digests() -> dict[str, str]:
    """Of every bundle. Lambda mounts them read-only; here root could write, and would be seen."""
    return {made.name: digest(made) for made in (LAYER, *(HERE.folder / "functions").iterdir())}


@asynccontextmanager
async def started_by_script(
    sandboxes: Sandboxes, environment: Mapping[str, str], port: int
) -> AsyncIterator[None]:
    """The streaming function as the adapter starts it: its script, in the function's folder."""
    bundle = HERE.folder / "functions/chat"
    log = sandboxes.logs / "chat-stream.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            str(bundle / "functions/chat/start.sh"),
            cwd=bundle,
            env={
                **environment,
                "PYTHONPATH": sandboxes.path,
                "PATH": f"{sandboxes.python.parent}:{os.defpath}",
                "AWS_LWA_PORT": str(port),
            },
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
