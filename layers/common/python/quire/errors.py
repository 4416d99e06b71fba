"""Every error Quire raises on purpose.

::

    QuireError
    ├── Invalid              a field is wrong
    ├── Unauthenticated      no key, or one we do not know
    ├── Forbidden            a known key without the scope
    ├── NotFound             absent, or another's: the same either way
    ├── Conflict             something else is in flight
    ├── TooLarge             more bytes than we take
    ├── TooMany              a limit is reached; `code` tells which kind
    ├── Unavailable          a dependency failed; `dependency` names it
    │   ├── Declined         it serves others, and not what was asked of it
    │   ├── Overloaded       it is we who have too much to do
    │   ├── Late             all of it together took too long
    │   └── Closed           we are told not to do this now
    └── Unreadable           a file that cannot become text

They say what went wrong, not how it is shown: `quire.web` turns them into HTTP, the ingest
pipeline turns `Unreadable` into a failed document. Messages are for the caller's eyes, so they
hold no secret, path or address.
"""


class QuireError(Exception):
    """Base of all; `message` is one sentence a person understands.

    `field` names what is wrong in the request; `code` tells programs what the class leaves open.
    """

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.code = code


class Invalid(QuireError):
    def __init__(self, message: str, *, field: str, code: str | None = None) -> None:
        super().__init__(message, field=field, code=code)


class Unauthenticated(QuireError):
    pass


class Forbidden(QuireError):
    pass


class NotFound(QuireError):
    pass


class Conflict(QuireError):
    """`retry_after` in seconds, where the same request may succeed later."""

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooLarge(QuireError):
    pass


class TooMany(QuireError):
    """`retry_after` in seconds; `code` is OpenAI's own word for it."""

    def __init__(self, message: str, *, code: str, retry_after: int) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Unavailable(QuireError):
    """A dependency did not serve us within its deadline; asking again later may help."""

    def __init__(self, dependency: str, *, retry_after: int = 5) -> None:
        super().__init__(
            f"A service this needs ({dependency}) is not available now; try again in a moment."
        )
        self.dependency = dependency
        self.retry_after = retry_after


class Declined(Unavailable):
    """It answered: what was asked is nothing it takes, whoever else it serves meanwhile."""


class Overloaded(Unavailable):
    """Refused at once, rather than served too late."""

    def __init__(self) -> None:
        super().__init__("quire", retry_after=1)
        self.message = "There is too much to do here just now; try again in a moment."


class Late(Unavailable):
    """The time that an answer has is over before there is one."""

    def __init__(self) -> None:
        super().__init__("quire")
        self.message = "This took too long, and was given up; try again in a moment."


class Closed(Unavailable):
    """Whoever runs this has switched it off for a while."""

    def __init__(self, message: str) -> None:
        super().__init__("quire", retry_after=60)
        self.message = message


class Unreadable(QuireError):
    """The file is the cause: reading it again cannot help."""
