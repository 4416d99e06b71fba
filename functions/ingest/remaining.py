"""What remains of what was deleted, until when and why: the honest part of a certificate."""

from datetime import datetime, timedelta
from typing import Any

from quire.objects import UPLOAD_SECONDS

Remains = dict[str, Any]

# How long Neon keeps the history that a branch can be restored from, and SQS our dead letters.
_BACKUP_DAYS = 7
_DEAD_LETTER_DAYS = 14


def backups(now: datetime) -> Remains:
    return {
        "what": "backups of PostgreSQL",
        "until": (now + timedelta(days=_BACKUP_DAYS)).isoformat(),
        "why": "the database can be restored to any moment until then",
    }


def dead_letters(now: datetime) -> Remains:
    return {
        "what": "dead letters that name it",
        "until": (now + timedelta(days=_DEAD_LETTER_DAYS)).isoformat(),
        "why": "they hold its key, none of its words",
    }


def upload_forms(now: datetime, *, why: str) -> Remains:
    return {
        "what": "upload forms for its name",
        "until": (now + timedelta(seconds=UPLOAD_SECONDS)).isoformat(),
        "why": why,
    }


def for_good(what: str, why: str) -> Remains:
    return {"what": what, "until": None, "why": why}
