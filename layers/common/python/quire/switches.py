"""What a stage can be told while it runs, without a deploy and without its database.

A JSON object in Secrets Manager, looked at again every few seconds:
`{"persistence": false, "hyde": false, "ingestion": false, "read_only": true,
"suspended": ["tenant"], "only": "tenant/user"}`. What it does not name is as ever.
"""

import asyncio
import time

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import (
    GetParameterError,
    TransformParameterError,
)
from botocore.config import Config
from pydantic import BaseModel, ConfigDict, ValidationError

from quire.domain import Caller
from quire.observability import log

_LOOK_SECONDS = 2.0


class Switches(BaseModel):
    """`persistence`: turns are stored. `hyde`: passages are made up to search by. `ingestion`:
    documents are read. `read_only`: nothing is written, not even what is counted. `suspended`
    tenants are let nothing do; `only` a tenant, or one user of it as `tenant/user`, is let in.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", hide_input_in_errors=True)

    persistence: bool = True
    hyde: bool = True
    ingestion: bool = True
    read_only: bool = False
    suspended: list[str] = []
    only: str | None = None

    @property
    def stores(self) -> bool:
        """Whether turns are kept."""
        return self.persistence and not self.read_only

    @property
    def holds(self) -> bool:
        """Whether work waits whosever it is, and not a suspended tenant's alone."""
        return self.read_only or not self.ingestion

    def admit(self, caller: Caller) -> bool:
        """Whether this caller is among those that are let in at all."""
        return self.only in (None, caller.tenant, f"{caller.tenant}/{caller.user}")

    def reads(self, tenant: str) -> bool:
        """Whether documents of that tenant are read now."""
        return self.ingestion and not self.read_only and tenant not in self.suspended


class Switchboard:
    """`current` are the switches as they were last seen, at first those of a stage without any.

    While they cannot be read, or cannot be understood, they stay as they are.
    """

    def __init__(self, parameter: str | None, *, seconds: float) -> None:
        """They are looked at again after `seconds`; without a parameter there is nothing to see."""
        self.current = Switches()
        self._parameter = parameter
        self._seconds = seconds
        self._next = 0.0
        self._looking: asyncio.Task[None] | None = None
        # Nobody is to wait for long: another look follows.
        once = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
        self._provider = SecretsProvider(boto_config=once) if parameter else None

    async def read(self) -> Switches:
        """As they are now, or were up to some seconds ago."""
        idle = self._looking is None or self._looking.done()
        if self._parameter and idle and time.monotonic() >= self._next:
            # At once, so that those who come meanwhile do not wait.
            self._next = time.monotonic() + self._seconds
            self._looking = asyncio.create_task(self._look(self._parameter))
            # The look-up of a name may take long, and cannot be broken off. It is heard when it
            # comes, and there are not two.
            await asyncio.wait({self._looking}, timeout=_LOOK_SECONDS)
        return self.current

    async def _look(self, parameter: str) -> None:
        self.current = await asyncio.to_thread(self._find, parameter)

    def _find(self, parameter: str) -> Switches:
        assert self._provider
        try:
            found = self._provider.get(parameter, transform="json", force_fetch=True)
            switches = Switches.model_validate(found)
        except (GetParameterError, TransformParameterError, ValidationError) as error:
            log.error("the switches cannot be read", exc_info=error)
            return self.current
        if unknown := switches.model_extra:
            log.error("there are no such switches", names=sorted(unknown))
        if switches != self.current:
            log.warning("switches", **switches.model_dump(exclude_defaults=True))
        return switches
