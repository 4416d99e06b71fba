"""AWS's refusals, as our errors."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from quire.errors import Unavailable

log = logging.getLogger(__name__)

_FORBIDDEN = 403


def unavailable(dependency: str, error: BotoCoreError | ClientError | TimeoutError) -> Unavailable:
    """To be raised in its stead. A call that our role may not make passes at no time, so the log
    has it as an error, however well its caller does without.
    """
    if isinstance(error, ClientError) and _is_denied(error):
        log.error("AWS denies a call", extra={"operation": error.operation_name})
    return Unavailable(dependency)


def _is_denied(error: ClientError) -> bool:
    """By its code, which comes with a 400 too; an answer without a body has none."""
    code = str(error.response.get("Error", {}).get("Code"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return code.startswith("AccessDenied") or status == _FORBIDDEN
