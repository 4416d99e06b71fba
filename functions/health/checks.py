"""What readiness means: each dependency answers within two seconds, and as it has to."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, Self

import httpx

from quire.credentials import Shown
from quire.errors import QuireError
from quire.kept import Runtime
from quire.observability import log
from quire.queue import Queue
from quire.settings import Settings
from quire.store.database import Database
from quire.tls import tls_context

SECONDS = 2.0


class Unready(QuireError):
    """A dependency answers, but not as it has to; the message is for the log, not for strangers."""


class _Key(Shown, httpx.Auth):
    pass


class Readiness:
    """Plain HTTP instead of the SDKs: a check should not cost what it checks."""

    def __init__(self, *, settings: Settings, secret: Runtime) -> None:
        self.loop = asyncio.new_event_loop()
        self._told = secret.told
        self._qdrant_key = _Key(secret.qdrant_key, header="api-key")
        self._openai_key = _Key(secret.openai_key, header="Authorization", scheme="Bearer ")
        self._database = Database(secret.database_url, connections=1)
        self._queue = Queue(settings.documents_queue_url)
        # A connection that was kept would be gone after a freeze, and that tells of nobody.
        self._http = httpx.AsyncClient(
            timeout=SECONDS,
            verify=tls_context(),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._checks: dict[str, Callable[[], Awaitable[None]]] = {
            "postgres": self._postgres,
            "qdrant": self._qdrant,
            "model": self._model,
            "queue": self._queue.ping,
        }

    @classmethod
    def connect(cls) -> Self:
        settings, secret = Settings.load()
        return cls(settings=settings, secret=secret)

    async def check(self, *names: str) -> dict[str, dict[str, Any]]:
        """All side by side: name → {ok, ms, error?}. The details of a failure go to the log."""
        results = await asyncio.gather(*(self._run(name) for name in names))
        return dict(zip(names, results, strict=True))

    async def _run(self, name: str) -> dict[str, Any]:
        started = perf_counter()
        error: str | None = None
        try:
            async with asyncio.timeout(SECONDS):
                await self._checks[name]()
        except TimeoutError:
            error = f"no answer within {SECONDS:g} s"
        except Unready as reason:
            log.error(reason.message, check=name)
            error = "not as it has to be"
        except Exception:
            log.exception("not ready", check=name)
            error = "not available"
        ms = round(1000 * (perf_counter() - started))
        return {"ok": True, "ms": ms} if error is None else {"ok": False, "ms": ms, "error": error}

    async def _postgres(self) -> None:
        """Reached, migrated, and as a role that row-level security binds.

        A role made in Neon's console bypasses it, and so can whoever may become such a role.
        """
        unbound, live = await self._database.run(
            None,
            (
                """select 1 from pg_roles
                   where (rolsuper or rolbypassrls) and pg_has_role(oid, 'member')
                   union all
                   select 1 from pg_class
                   where relnamespace = 'public'::regnamespace and relkind = 'r'
                     and pg_has_role(relowner, 'member')""",
                [],
            ),
            ("select 1 from collections where live", []),
            # A little less than the check's own bound, so that the pool ends it in good order.
            timeout=SECONDS - 0.2,
        )
        if unbound:
            raise Unready("the role can bypass row-level security: make it by migration")
        if not live:
            raise Unready("the database was not migrated")

    async def _qdrant(self) -> None:
        await self._get(self._told.qdrant_url, "/collections", self._qdrant_key)

    async def _model(self) -> None:
        base = self._told.openai_base_url or "https://api.openai.com/v1"
        await self._get(base, "/models", self._openai_key)

    async def _get(self, base: str, path: str, key: _Key) -> None:
        answer = await self._http.get(base.rstrip("/") + path, auth=key)
        answer.raise_for_status()
