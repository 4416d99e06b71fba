"""The whole laptop cloud: every server started in its order, watched, and stopped again."""

import asyncio
import secrets
from collections.abc import Awaitable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Self

import httpx
from pydantic import SecretStr

from deployed.routes import ROUTES
from local import aws, pgbouncer
from local.children import Ledger, ServiceFailed
from local.configuration import Configuration
from local.deployment import LIBRARIES, ROOT, environment, functions
from local.event_source import EventSource
from local.gateway import create_app
from local.lambda_runtime import LambdaRuntime
from local.pgbouncer import PgBouncer
from local.postgres import DATABASE, Postgres
from local.provision import MIGRATION_SECRET, RUNTIME_SECRET, SWITCHES, Provisioned, provision
from local.servers import model, qdrant, stream
from local.service import Service, Supervised, check_port
from local.web_server import WebServer

APP_ROLE = "quire_app"


class Stack:
    """An async context manager: up when entered, gone without a trace when left.

    `services` are the servers by name, `runtime` is where functions are invoked.
    """

    runtime: LambdaRuntime

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.services: dict[str, Supervised] = {}
        self._state = configuration.state.resolve()
        self._ledger = Ledger(self._state / "run" / "children.json")
        self._postgres = Postgres(self._state / "postgres", configuration.postgres_port)
        self._provisioned: Provisioned | None = None
        self._exit = AsyncExitStack()

    @property
    def pooled(self) -> bool:
        """Without PgBouncer on this machine the functions reach PostgreSQL directly."""
        return self.configuration.database_url is not None or pgbouncer.find() is not None

    @property
    def owner_url(self) -> str:
        """PostgreSQL as its owner, unpooled."""
        return _revealed(self.configuration.database_owner_url) or self._postgres.owner_url

    @property
    def app_url(self) -> str:
        """PostgreSQL as the functions reach it."""
        configured = self.configuration
        if configured.database_url is not None:
            return configured.database_url.get_secret_value()
        port = configured.pgbouncer_port if self.pooled else configured.postgres_port
        return f"postgresql://{APP_ROLE}:{self._app_password()}@127.0.0.1:{port}/{DATABASE}"

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()

    async def _start(self) -> None:
        self._exit.callback(self._ledger.close)
        self._ledger.kill_leftovers()
        # Here too, and first: nobody should wait for half a cloud to hear of a taken port.
        for name, port in self.configuration.ports().items():
            check_port(name, port)
        if self.configuration.database_url is None:
            await self._postgres.prepare()
        # Qdrant and the model take their time; the functions ask for them only with a request.
        await _together(self._start_functions(), *map(self._supervise, self._servers()))
        self._feed("ingest", self.queues.documents, concurrency=2)
        # A worker of its own: neither waits for the other, however much one tenant sends.
        self._feed("ingest", self.queues.bulk, concurrency=1)
        self._feed("maintenance", self.queues.maintenance, concurrency=1)

    async def _start_functions(self) -> None:
        await _together(self._start_database(), self._supervise(self._aws_service()))
        variables = environment(
            aws_url=self.configuration.aws_url,
            queues=self.queues,
            settings={
                "QUIRE_API_URL": self.configuration.api_url,
                **self.configuration.model_settings(),
                **self.configuration.ingestion_settings(),
            },
        )
        self.runtime = LambdaRuntime(
            functions(variables, worker_seconds=self.configuration.worker_seconds),
            task_root=ROOT,
            log_dir=self._state / "logs",
            libraries=LIBRARIES,
            on_spawn=self._ledger.add,
        )
        await self._exit.enter_async_context(self.runtime)
        gateway = WebServer(
            create_app(self.runtime.invoke, ROUTES), name="api", port=self.configuration.api_port
        )
        self._exit.push_async_callback(gateway.stop)
        await gateway.start()
        await _together(
            self._migrate(),
            self._warm(),
            self._supervise(stream(self._state, self.configuration.stream_port, variables)),
        )
        if self.configuration.database_url is None:
            await self._postgres.release_claims()

    async def _start_database(self) -> None:
        if self.configuration.database_url is not None:
            return
        await self._supervise(self._postgres.service())
        if self.pooled:
            pool = PgBouncer(
                self._state / "pgbouncer",
                self.configuration.pgbouncer_port,
                postgres_port=self.configuration.postgres_port,
                users={APP_ROLE: self._app_password()},
            )
            await self._supervise(pool.service())

    def _servers(self) -> list[Service]:
        configured = self.configuration
        servers = []
        if configured.qdrant_url is None:
            servers.append(qdrant(self._state, configured.qdrant_port))
        if configured.local_models:
            servers.append(model(self._state, configured.model_port))
        return servers

    def _aws_service(self) -> Service:
        """moto forgets all but its objects, so being ready includes being provisioned again."""
        state = self._state / "aws"
        plain = aws.service(state, self.configuration.aws_port)

        async def ready() -> None:
            await plain.ready()
            self._provisioned = await asyncio.to_thread(
                provision, self.configuration.aws_url, state=state, secrets=self._secrets()
            )

        return replace(plain, ready=ready, environment={"PYTHONPATH": str(ROOT)})

    async def _supervise(self, service: Service) -> None:
        supervised = Supervised(service, self._ledger, pause=self.configuration.restart_seconds)
        self.services[service.name] = supervised
        self._exit.push_async_callback(supervised.stop)
        await supervised.start()

    async def _migrate(self) -> None:
        done = await self.runtime.invoke("migrate", {"RequestType": "Create"})
        if done["live"] != done["configured"]:
            raise ServiceFailed(
                f"The index was made with {done['live']}, but {done['configured']} is configured: "
                "go back to the former model, or begin anew with `make clean`."
            )

    async def _warm(self) -> None:
        """Have a sandbox of what a person waits for, so that their first request meets it warm."""
        async with httpx.AsyncClient(base_url=self.configuration.api_url, timeout=30) as client:
            await asyncio.gather(client.get("/v1/sessions"), client.get("/v1/documents"))

    def _feed(self, function: str, queue_url: str, *, concurrency: int) -> None:
        """The URL stays what it is when moto starts anew: it is made of the queue's name."""
        source = EventSource(
            self.runtime.invoke,
            function,
            queue_url,
            sqs=self.queues.sqs,
            window=self.configuration.batch_seconds,
            concurrency=concurrency,
        )
        self._run_beside(source.run())

    def _run_beside(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._exit.push_async_callback(stop)

    @property
    def queues(self) -> Provisioned:
        assert self._provisioned is not None, "the queues are there once moto is ready"
        return self._provisioned

    def _secrets(self) -> dict[str, dict[str, Any]]:
        configured = self.configuration
        runtime = {
            "database_url": self.app_url,
            "qdrant_url": configured.qdrant_url or f"http://127.0.0.1:{configured.qdrant_port}",
            "qdrant_api_key": _revealed(configured.qdrant_api_key),
            "openai_api_key": _revealed(configured.openai_api_key) or "local",
            "openai_base_url": configured.openai_base_url,
        }
        if configured.local_models:
            runtime["openai_base_url"] = f"http://127.0.0.1:{configured.model_port}/v1"
        migration = {
            "database_url": self.owner_url,
            "first_tenant": configured.tenant,
            "first_key": configured.api_key.get_secret_value(),
        }
        return {RUNTIME_SECRET: runtime, MIGRATION_SECRET: migration, SWITCHES: {}}

    def _app_password(self) -> str:
        kept = self._state / "app_password"
        if not kept.exists():
            kept.touch(mode=0o600)
            kept.write_text(secrets.token_urlsafe(24))
        return kept.read_text()


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


async def _together(*starts: Awaitable[None]) -> None:
    """Let all come to an end, so that none is left half-started, then raise the first error."""
    results = await asyncio.gather(*starts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
