"""Handlers that run in real sandboxes; the tests of `local` deploy them."""

import os
import sys
import time
from pathlib import Path
from typing import Any


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The event, and what the sandbox sees."""
    print("echoing", event)  # noqa: T201 (a function's standard output is its log)
    return {
        "event": event,
        "pid": os.getpid(),
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "modules": list(sys.modules),
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
    }


def hold(event: dict[str, Any], context: Any) -> int:
    """Works from leaving one file, `started`, until finding another, `release`."""
    Path(event["started"]).write_text(str(os.getpid()))
    while not Path(event["release"]).exists():
        time.sleep(0.01)
    Path(event["started"]).with_suffix(".done").touch()
    return os.getpid()


def misbehave(event: dict[str, Any], context: Any) -> Any:
    """Fails in the way that the event names."""
    match event.get("how"):
        case "raise":
            raise ValueError("no such book")
        case "exit":
            os._exit(event["status"])
        case "hang":
            time.sleep(600)
        case "ramble":
            return "x" * event["length"]
    return os.getpid()


def fail_some(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Reports the messages that say so as failed, the first time that they come."""
    return {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]}
            for record in event["Records"]
            if record["body"] == "fail" and record["attributes"]["ApproximateReceiveCount"] == "1"
        ]
    }
