"""A migration only adds: what was deployed before goes on while it runs (docs/operations.md)."""

import re
from pathlib import Path

import pytest

from local.deployment import ROOT

VERSIONS = sorted((ROOT / "functions/migrate/versions").glob("*.sql"))
# From before there was anything deployed that could be in the way of.
FREE = "0008"
_TAKES_AWAY = re.compile(
    r"""\bdrop\s+(table|column|function|view|type|schema)\b
      | \brename\b
      | \balter\s+(column\s+)?\w+\s+(set\s+not\s+null|(set\s+data\s+)?type\b)
      | \badd\s+(column\s+)?\w+\s+\w+\s+not\s+null(?!\s+default)
      | \brevoke\b[^;]*\bfrom\s+quire_app\b""",
    re.IGNORECASE | re.VERBOSE,
)


def takes_away(sql: str) -> bool:
    """Whether what was deployed before it may fail once it has run."""
    return bool(_TAKES_AWAY.search(re.sub(r"--.*", "", sql)))


@pytest.mark.parametrize("migration", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_takes_nothing_away_from_what_is_deployed(migration: Path) -> None:
    number, _, name = migration.stem.partition("_")
    if number > FREE and not name.startswith("contract_"):
        assert not takes_away(migration.read_text())


@pytest.mark.parametrize(
    ("sql", "refused"),
    [
        ("drop function find_api_key;", True),
        ("alter table a rename column b to c;", True),
        ("alter table a alter column b set not null;", True),
        ("alter table a alter b type bigint;", True),
        ("alter table a add column b text not null;", True),
        ("revoke select on a from quire_app;", True),
        ("alter table a add column b text not null default '';", False),
        ("alter table a drop constraint b;", False),
        ("revoke all on function a from public;", False),
        ("-- drop table a", False),
        ("create or replace function a() returns int language sql as 'select 1';", False),
    ],
)
def test_what_takes_away_is_told_from_what_adds(sql: str, refused: bool) -> None:
    assert takes_away(sql) == refused
