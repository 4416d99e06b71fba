"""What each function may do in AWS: of this CDK makes its role, and the laptop's AWS refuses the
rest. Its own log, and what it takes to be started, are not among it.

What a right is on is called by its last name: a secret; a queue; objects whose keys begin so, as
`uploads/`; `bucket` and `bus` themselves.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

SECRETS = ("runtime", "migration", "switches", "first-key")
QUEUES = ("documents", "bulk", "maintenance", "dead")
OBJECTS = ("uploads/", "texts/", "exports/")


class Right(NamedTuple):
    actions: Sequence[str]
    on: Sequence[str]


def _may(*actions: str, on: Sequence[str]) -> Right:
    return Right(actions, on)


# Who may not list a bucket is told "forbidden" of an object that is not there.
_TELLS_ABSENT = _may("s3:ListBucket", on=["bucket"])
_SERVES = _may("secretsmanager:GetSecretValue", on=["runtime", "switches"])
_SENDS, _COUNTS = "sqs:SendMessage", "sqs:GetQueueAttributes"
# What Lambda does with a queue that feeds a function, by that function's role.
_FED = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", _COUNTS)
_WORKS = (
    _SERVES,
    _TELLS_ABSENT,
    _may(_SENDS, on=QUEUES),
    _may("events:PutEvents", on=["bus"]),
)

RIGHTS: Mapping[str, Sequence[Right]] = {
    # Asking takes nothing else: what an answer quotes is in the index.
    "chat": [_SERVES],
    "chat-stream": [_SERVES],
    "health": [_SERVES, _may(_COUNTS, on=["documents"])],
    "ingest-api": [
        _SERVES,
        _TELLS_ABSENT,
        _may("s3:GetObject", on=OBJECTS),
        _may("s3:PutObject", on=["uploads/"]),
        _may(_SENDS, on=["documents", "maintenance"]),
    ],
    "ingest": [
        *_WORKS,
        _may("s3:GetObject", on=["uploads/", "texts/"]),
        _may("s3:PutObject", on=["texts/"]),
        _may(*_FED, on=["documents", "bulk"]),
    ],
    "maintenance": [
        *_WORKS,
        _may("s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion", on=OBJECTS),
        _may("s3:PutObject", "s3:AbortMultipartUpload", on=["exports/"]),
        _may("s3:ListBucketVersions", on=["bucket"]),
        _may(*_FED, on=["maintenance"]),
        # Whether a document still waits, its deadline asks.
        _may(_COUNTS, on=["documents", "bulk"]),
        # A redrive takes them up again.
        _may("sqs:ReceiveMessage", "sqs:DeleteMessage", _COUNTS, on=["dead"]),
    ],
    "migrate": [
        _may("secretsmanager:GetSecretValue", on=["runtime", "migration"]),
        _may("secretsmanager:PutSecretValue", on=["first-key"]),
    ],
}
