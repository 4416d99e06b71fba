"""The environment of a sandbox: what Lambda itself puts there, beside what a deployment says.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

REGION = "us-east-1"
MEMORY_MB = 1024


def variables(
    environment: Mapping[str, str],
    *,
    name: str,
    handler: str,
    snapshot: bool,
    runtime_api: str,
    task_root: Path,
) -> dict[str, str]:
    """A deployment's `environment` goes before the defaults, and never before what is reserved."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stream = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{secrets.token_hex(16)}"
    reserved = {
        "_HANDLER": handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if snapshot else "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "LAMBDA_TASK_ROOT": str(task_root),
    }
    return {**_defaults(), **environment, **reserved}


def shared(environments: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The variables that all of a deployment's sandboxes see."""
    return _defaults() | dict(set.intersection(*(set(each.items()) for each in environments)))


def _defaults() -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "LANG": "en_US.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "TZ": ":UTC",
    }
