"""Brings one stage's database up to date; run at deploy, on the unpooled endpoint, as its owner.

Forward only, and safe to run again: a second run changes nothing.
"""

from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from quire.observability import log
from quire.secrets import hand_over
from quire.settings import MigrationSettings
from quire.store.api_keys import FIRST_KEY_DAYS, hash_key, new_key, prefix_of
from quire.store.connection import verified

# What an orphan may cost; set on the role, as the pooler drops start-up options.
ROLE_SETTINGS = {
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "5s",
}
# Of these the older servers know nothing.
ROLE_SETTINGS_17 = {"transaction_timeout": "15s"}
# Of the server's connections.
APP_SHARE = 0.8
# Of the keys that this made; a first key of one's own has no end.
_HANDED_OVER = "name = 'first' and expires_at is not null"
# Two deploys at once take turns. The number is arbitrary; it only has to be ours.
MIGRATION_LOCK = 0x0001_5155_4952_45


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """CloudFormation's Create and Update; at a Delete the database stays, as documents may do."""
    if event.get("RequestType") == "Delete":
        return {}
    settings, runtime, migration = MigrationSettings.load()
    owner_url = verified(migration.database_url.get_secret_value())
    with psycopg.connect(owner_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
        _ensure_app_role(connection, runtime.database_url.get_secret_value())
        _migrate(owner_url)
        _ensure_live_collection(connection, settings)
        if migration.first_tenant:
            _ensure_tenant(connection, migration.first_tenant)
            if migration.first_key:
                _ensure_key(
                    connection, migration.first_tenant, migration.first_key.get_secret_value()
                )
            elif settings.first_key_secret:
                _hand_over_a_key(
                    connection,
                    migration.first_tenant,
                    settings.first_key_secret,
                    anew=event.get("RequestType") == "Create",
                )
        return _describe(connection, settings)


def _describe(connection: psycopg.Connection, settings: MigrationSettings) -> dict[str, str]:
    """The schema's revision, and the model that serves beside the one that is configured."""
    row = connection.execute(
        """select (select version_num from alembic_version), model, dimensions
           from collections where live"""
    ).fetchone()
    assert row is not None
    revision, model, dimensions = row
    return {
        "revision": revision,
        "live": f"{model}, {dimensions} dimensions",
        "configured": f"{settings.embedding_model}, {settings.embedding_dimensions} dimensions",
    }


def _ensure_app_role(connection: psycopg.Connection, app_url: str) -> None:
    """Make the role by SQL: one made in Neon's console could bypass row-level security."""
    wanted = conninfo_to_dict(app_url)
    if wanted.get("user") != "quire_app":
        raise ValueError("The runtime secret's database_url has to log in as quire_app.")
    role = sql.Identifier("quire_app")
    if not connection.execute("select 1 from pg_roles where rolname = 'quire_app'").fetchone():
        connection.execute(sql.SQL("create role {}").format(role))
    connection.execute(
        sql.SQL("alter role {} login nocreatedb nocreaterole noreplication password {}").format(
            role, sql.Literal(wanted.get("password", ""))
        )
    )
    _limit_connections(connection)
    newer = connection.info.server_version >= 170_000
    for name, value in {**ROLE_SETTINGS, **(ROLE_SETTINGS_17 if newer else {})}.items():
        connection.execute(
            sql.SQL("alter role {} set {} = {}").format(
                role, sql.Identifier(name), sql.Literal(value)
            )
        )


def _limit_connections(connection: psycopg.Connection) -> None:
    """However many clients a pool lets in, the owner finds a connection to mend things with."""
    row = connection.execute("show max_connections").fetchone()
    assert row is not None
    most = int(int(row[0]) * APP_SHARE)
    connection.execute(sql.SQL("alter role quire_app connection limit {}").format(most))


def _migrate(owner_url: str) -> None:
    config = Config(attributes={})
    config.set_main_option("script_location", str(Path(__file__).parent))
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(owner_url, connect_timeout=10),
        poolclass=sqlalchemy.NullPool,
    )
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        # A deploy that failed after its migrations is rolled back by CloudFormation, which runs the
        # former ones: what is newer than they are stays, and the former code bears it.
        log.warning("the database is newer than these migrations", revision=current)
        return
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _ensure_live_collection(connection: psycopg.Connection, settings: MigrationSettings) -> None:
    connection.execute(
        """insert into collections (name, model, dimensions, live)
           select %s, %s, %s, true where not exists (select from collections where live)""",
        [settings.collection, settings.embedding_model, settings.embedding_dimensions],
    )


def _ensure_tenant(connection: psycopg.Connection, tenant: str) -> None:
    connection.execute(
        "insert into tenants (tenant_id, name) values (%s, %s) on conflict do nothing",
        [tenant, tenant],
    )


def _ensure_key(connection: psycopg.Connection, tenant: str, key: str) -> None:
    connection.execute(
        """insert into api_keys (tenant_id, name, hash, scopes, speaks_for_users)
           values (%s, 'first', %s, '{ask,ingest,admin}', true) on conflict do nothing""",
        [tenant, hash_key(key)],
    )


def _hand_over_a_key(
    connection: psycopg.Connection, tenant: str, secret: str, *, anew: bool
) -> None:
    """Make the key that proves a stage and makes others, if nobody has one, and put it where only
    who runs this reads.

    It is in no log, event or answer. It works for a few days; should it be lost, so may its row
    be, and the next migration makes another. A stage that is made `anew` on a database that it had
    before may have lost it with its secrets: another one takes its place.
    """
    held = connection.execute(
        f"""select 1 from api_keys where tenant_id = %s and 'admin' = any(scopes)
            and revoked_at is null and (expires_at is null or expires_at > now())
            and not (%s and {_HANDED_OVER})""",
        [tenant, anew],
    ).fetchone()
    if held:
        return
    key = new_key()
    # In this order: a key that opens nothing does no harm, and is made anew.
    hand_over(secret, {"tenant": tenant, "api_key": key})
    connection.execute(
        f"""with former as (
                update api_keys set expires_at = now()
                where tenant_id = %s and {_HANDED_OVER} and expires_at > now()
            )
            insert into api_keys (tenant_id, name, prefix, hash, scopes, expires_at)
            values (%s, 'first', %s, %s, '{{ask,ingest,admin}}',
                    now() + make_interval(days => %s))""",
        [tenant, tenant, prefix_of(key), hash_key(key), FIRST_KEY_DAYS],
    )
