"""What is shown once: a key's secret, in the answer that made it."""

from typing import Any

from fastapi import Response


def shown_once(shown: dict[str, Any], key: str, answer: Response) -> dict[str, Any]:
    """With the secret: kept by no cache on its way, nor for the answer to be repeated."""
    answer.headers["Cache-Control"] = "no-store"
    return {**shown, "key": key}
