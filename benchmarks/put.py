"""Puts a folder's files in the bucket, side by side; a process of its own, as a client is."""

import json
import mimetypes
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

from benchmarks.corpus import files_in

_SIDE_BY_SIDE = 4


def main(folder: Path, aws_url: str, bucket: str, prefix: str) -> None:
    s3 = boto3.Session("local", "local", region_name="us-east-1").client(
        "s3", endpoint_url=aws_url, config=Config(max_pool_connections=_SIDE_BY_SIDE)
    )

    def put(path: Path) -> None:
        s3.put_object(
            Bucket=bucket,
            Key=f"{prefix}{path.relative_to(folder).as_posix()}",
            Body=path.read_bytes(),
            ContentType=mimetypes.guess_type(path.name)[0] or "text/plain",
        )

    began = time.time()
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        list(pool.map(put, files_in(folder)))
    sys.stdout.write(json.dumps({"began": began, "ended": time.time()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])
