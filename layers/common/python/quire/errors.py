"""Every error Quire raises on purpose.

::

    QuireError
    ├── Invalid              a field is wrong
    ├── Unauthenticated      no key, or one we do not know
    ├── Forbidden            a known key without the scope
    ├── NotFound             absent, or another's: the same either way
    ├── Conflict             something else is in flight
    ├── TooLarge             more bytes than we take
    ├── Unavailable          a dependency failed; `dependency` names it
    └── Unreadable           a file that cannot become text

They say what went wrong, not how it is shown: `quire.web` turns them into HTTP, the ingest
pipeline turns `Unreadable` into a failed document. Messages are for the caller's eyes, so they
hold no secret, path or address.
"""


class QuireError(Exception):
    """Base of all; `message` is one sentence a person understands."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(QuireError):
    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class Unauthenticated(QuireError):
    pass


class Forbidden(QuireError):
    pass


class NotFound(QuireError):
    pass


class Conflict(QuireError):
    pass


class TooLarge(QuireError):
    pass


class Unavailable(QuireError):
    """A dependency did not serve us within its deadline; asking again later may help."""

    def __init__(self, dependency: str, *, retry_after: int = 5) -> None:
        super().__init__(
            f"A service this needs ({dependency}) is not available now; try again in a moment."
        )
        self.dependency = dependency
        self.retry_after = retry_after


class Unreadable(QuireError):
    """The file is the cause: reading it again cannot help."""
