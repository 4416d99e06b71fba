"""The servers that are Python modules of ours, and the streaming app, as supervised children."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from local.deployment import ROOT, called
from local.service import Service, accepts


def qdrant(state: Path, port: int) -> Service:
    return _module("qdrant", "local.qdrant", state, port, "--state", str(state / "qdrant"))


def model(state: Path, port: int) -> Service:
    return _module("model", "local.model_server", state, port)


def stream(state: Path, port: int, environment: Mapping[str, str]) -> Service:
    """The function URL's own start script, as the Lambda Web Adapter would run it."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    return Service(
        name="stream",
        command=["/bin/sh", str(ROOT / "functions/chat/start.sh")],
        # As a sandbox, it sees what the deployment says and nothing else of this machine.
        environment={
            **called(environment, "chat-stream"),
            "PATH": path,
            "AWS_LWA_PORT": str(port),
        },
        inherits=False,
        log=state / "logs" / "chat-stream.log",
        port=port,
        ready=partial(accepts, port),
    )


def _module(name: str, module: str, state: Path, port: int, *options: str) -> Service:
    return Service(
        name=name,
        command=[sys.executable, "-m", module, "--port", str(port), *options],
        environment={"PYTHONPATH": str(ROOT)},
        log=state / "logs" / f"{name}.log",
        port=port,
        ready=partial(accepts, port),
    )
