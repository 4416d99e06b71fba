"""SnapStart: a sandbox is a copy of one that had loaded its function, taken when it was deployed.

A copy has what the first one had, so whatever is unique, secret or connected is made anew in each
after it was restored: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

import gc
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import uuid_utils

Made = TypeVar("Made")


class Renewed(Generic[Made]):
    """`current` is what `make` made, with clients, secrets and caches of its own.

    It is made while the function is loaded, so that a snapshot holds all that takes time, and once
    more in each copy.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self.current = make()

    def renew(self) -> None:
        """After a restore: no two copies draw the same numbers, or make the same ids."""
        random.seed()
        uuid_utils.reseed_rng()
        self.current = self._make()


def renewed_handler(make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """A handler that is made anew in each copy of its sandbox."""
    made = Renewed(make)
    # A part of Lambda's runtime: where that is not, there are no snapshots either.
    with suppress(ImportError):
        from snapshot_restore_py import register_after_restore, register_before_snapshot

        register_before_snapshot(gc.collect)
        register_after_restore(made.renew)

    def handler(event: dict[str, Any], context: object) -> Any:
        return made.current(event, context)

    return handler
