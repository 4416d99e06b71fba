"""Secrets by reference: the environment names them, Secrets Manager holds them."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quire.observability import log

Told = TypeVar("Told")

# However often a server refuses us, or is not to be reached.
_PAUSE_SECONDS = 10.0
_PATIENT = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
# A turn waits for it; another look follows.
_ONCE = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})


class Secret(Generic[Told]):
    """What is kept under a name: `told`, as it was last read."""

    def __init__(self, name: str, parse: Callable[[Any], Told]) -> None:
        """Blocking: made once, at a function's entry. Raises what is raised by who reads it."""
        self._name = name
        self._parse = parse
        self.told = parse(load_secret(name))
        self._reading = asyncio.Lock()
        self._read = 0.0

    async def read_again(self) -> Told:
        """As it is now, or was up to ten seconds ago: all who ask together are told by one look.

        What cannot be read, or not be understood, leaves it as it was.
        """
        async with self._reading:
            # By the clock on the wall: others may stand still while a sandbox is frozen.
            if not 0 <= time.time() - self._read < _PAUSE_SECONDS:
                self._read = time.time()
                await asyncio.to_thread(self._look)
        return self.told

    def _look(self) -> None:
        try:
            found = self._parse(load_secret(self._name, config=_ONCE))
        except (BotoCoreError, ClientError, LookupError, ValueError) as error:
            log.error("a secret cannot be read again", exc_info=error)
        else:
            log.info("a secret was read again", changed=found != self.told)
            self.told = found


def load_secret(name: str, *, config: Config = _PATIENT) -> dict[str, Any]:
    """The JSON object stored under `name`. Blocking."""
    kept = _connect(config).get_secret_value(SecretId=name)["SecretString"]
    secret: dict[str, Any] = json.loads(kept)
    return secret


def hand_over(name: str, secret: Mapping[str, Any]) -> None:
    """Put a JSON object under `name`, which is there already, for a person to fetch. Blocking."""
    _connect(_PATIENT).put_secret_value(SecretId=name, SecretString=json.dumps(secret))


def _connect(config: Config) -> Any:
    return boto3.client("secretsmanager", config=config)
