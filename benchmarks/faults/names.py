"""Names that one process knows and then does not: an /etc/hosts and /etc/resolv.conf of its own, in
a mount namespace of its own (util-linux's unshare).
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

HOST = "localhost"
_HOSTS = f"127.0.0.1 {HOST}\n"
# Nobody listens there, and nobody is there (RFC 5737).
_NOBODY, _NOWHERE = "nameserver 127.0.0.1\n", "nameserver 192.0.2.1\n"
_SHARED = "mount --bind {hosts} /etc/hosts && mount --bind {resolv} /etc/resolv.conf"


class Names:
    def __init__(self, folder: Path) -> None:
        self._hosts, self._resolv = folder / "hosts", folder / "resolv.conf"
        self._hosts.write_text(_HOSTS)
        self._resolv.write_text(_NOBODY)

    def around(self, command: Sequence[str]) -> list[str]:
        """The command, knowing the names that are written here and no others."""
        mounts = _SHARED.format(hosts=self._hosts, resolv=self._resolv)
        return ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh", *command]

    async def possible(self) -> bool:
        """Whether we may have such a namespace here."""
        if not shutil.which("unshare"):
            return False
        process = await asyncio.create_subprocess_exec(
            *self.around(["true"]), stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait() == 0

    @asynccontextmanager
    async def unknown(self) -> AsyncIterator[None]:
        """Who asks is told at once that nobody knows."""
        # In place: another file would not be the one that is mounted.
        self._hosts.write_text("")
        try:
            yield
        finally:
            self._hosts.write_text(_HOSTS)

    @asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        """Who asks waits for as long as a resolver does, which is many seconds."""
        self._resolv.write_text(_NOWHERE)
        try:
            async with self.unknown():
                yield
        finally:
            self._resolv.write_text(_NOBODY)
