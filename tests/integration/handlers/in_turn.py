"""Functions' handlers, called one after the other in one process: what they answer is told."""

import json
import sys
from base64 import b64decode
from importlib import import_module

from deployed.handlers import HANDLERS


class Context:
    aws_request_id = "request"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 10_000


if __name__ == "__main__":
    for function, event in json.load(sys.stdin):
        module, _, name = HANDLERS[function].rpartition(".")
        answer = getattr(import_module(module), name)(event, Context())
        if answer.get("isBase64Encoded"):
            answer["body"] = b64decode(answer["body"]).decode()
        sys.stdout.write(f"answer {function} {json.dumps(answer)}\n")
        sys.stdout.flush()
