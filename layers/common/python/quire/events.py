"""EventBridge: documents that became ready or failed, for whoever wants to know."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quire.aws import unavailable

SOURCE = "quire.ingestion"
_MOST_PER_CALL = 10
# Two attempts, and the look-up of a name, which botocore does not bound.
_CALL_SECONDS = 15


class Events:
    """One bus. What it is told is of use, not of need: callers may go on when it fails."""

    def __init__(self, bus: str) -> None:
        self._bus = bus
        self._events = boto3.client(
            "events",
            config=Config(
                connect_timeout=2,
                read_timeout=5,
                retries={"mode": "standard", "total_max_attempts": 2},
            ),
        )

    async def publish(self, details: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Publish (type, detail) of each. Raises Unavailable."""
        entries = [
            {
                "EventBusName": self._bus,
                "Source": SOURCE,
                "DetailType": kind,
                "Detail": json.dumps(detail),
            }
            for kind, detail in details
        ]
        try:
            for start in range(0, len(entries), _MOST_PER_CALL):
                async with asyncio.timeout(_CALL_SECONDS):
                    await asyncio.to_thread(
                        self._events.put_events, Entries=entries[start : start + _MOST_PER_CALL]
                    )
        except (BotoCoreError, ClientError, TimeoutError) as error:
            raise unavailable("events", error) from error
