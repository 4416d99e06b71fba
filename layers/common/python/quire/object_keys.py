"""Where what is in the bucket: originals under `uploads/{tenant}/{filename}`, canonical texts under
`texts/`, archives of exports under `exports/`.
"""

from unicodedata import category
from uuid import UUID

from quire.errors import Invalid
from quire.visible import is_blank

UPLOADS = "uploads/"
_KEY_BYTES = 1024  # S3's limit on a key
# Controls and line ends; and what turns the direction of the text behind it, so that a program's
# name reads as a picture's. Joiners and marks of direction are part of Persian and Hebrew names.
_MISLEADING = ("Cc", "Zl", "Zp")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def upload_prefix(tenant: str) -> str:
    return f"{UPLOADS}{tenant}/"


def upload_key(tenant: str, filename: str) -> str:
    """Raises Invalid when S3 could not keep a file of that name."""
    key = f"{upload_prefix(tenant)}{filename}"
    if "\0" in key or any("\ud800" <= character <= "\udfff" for character in key):
        raise Invalid("A file name has no NUL and no half characters.", field="filename")
    if len(key.encode()) > _KEY_BYTES:
        raise Invalid("The file name is too long.", field="filename")
    if any(part in ("", ".", "..") for part in filename.split("/")):
        raise Invalid("A file name has no empty, '.' or '..' parts.", field="filename")
    return key


def is_readable(filename: str) -> bool:
    """Whether people see a name, and see it as it is: what is new has to have such a one."""
    misleads = any(category(c) in _MISLEADING or c in _TURNING for c in filename)
    return not misleads and not is_blank(filename)


def parse_upload_key(key: str) -> tuple[str, str] | None:
    """Tenant and filename of an original's key; None for any other key.

    Those that `upload_key` would not make, such as a console's folder markers, are others.
    """
    tenant, _, filename = key.removeprefix(UPLOADS).partition("/")
    try:
        ours = bool(tenant) and upload_key(tenant, filename) == key
    except Invalid:
        ours = False
    return (tenant, filename) if ours else None


def texts_prefix(tenant: str) -> str:
    return f"texts/{tenant}/"


def text_prefix(tenant: str, document: UUID) -> str:
    return f"{texts_prefix(tenant)}{document}/"


def text_key(tenant: str, document: UUID, version: int) -> str:
    return f"{text_prefix(tenant, document)}{version}.txt"


def passages_key(tenant: str, document: UUID, version: int) -> str:
    return f"{text_prefix(tenant, document)}{version}.passages"


def export_prefix(tenant: str) -> str:
    return f"exports/{tenant}/"


def export_key(tenant: str, job: UUID) -> str:
    return f"{export_prefix(tenant)}{job}.tar"
