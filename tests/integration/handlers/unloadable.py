"""A handler module that cannot be imported."""

import no_such_library  # type: ignore[import-not-found]  # noqa: F401


def handler(event: object, context: object) -> None:
    """Never reached."""
