"""What no function reads at run time, taken out of installed packages."""

import shutil
from pathlib import Path

# The services that boto3 is asked for; of the others botocore holds 25 MB of descriptions.
AWS_SERVICES = {"events", "s3", "secretsmanager", "sqs"}
_FOLDERS = {"__pycache__", "_pyinstaller", "f2py", "test", "tests"}
_SUFFIXES = {".a", ".c", ".cpp", ".h", ".pxd", ".pxi", ".pyi", ".pyx", ".typed"}
# Pillow comes with python-pptx, and no picture is opened: how some are drawn and packed. numpy
# itself imports these of its parts only when they are asked for.
_UNUSED = (
    *("numpy/fft/*", "numpy/ma/*", "numpy/polynomial/*", "numpy/random/*", "numpy/testing/*"),
    *("PIL/_avif.*", "PIL/_imagingcms.*", "PIL/_imagingft.*", "PIL/_imagingtk.*", "PIL/_webp.*"),
    *("pillow.libs/libavif-*", "pillow.libs/libbrotli*", "pillow.libs/libfreetype-*"),
    *("pillow.libs/libharfbuzz-*", "pillow.libs/liblcms2-*", "pillow.libs/libpng16-*"),
    *("pillow.libs/libsharpyuv-*", "pillow.libs/libwebp*"),
)
# What says who installed it and when, so the same wheel would not be the same bytes.
_RECORDS = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"}


def strip(folder: Path) -> None:
    """Licences and metadata stay; console scripts go, as nobody logs in."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name in _FOLDERS:
                shutil.rmtree(path)
        elif path.suffix in _SUFFIXES or path.name in _RECORDS:
            path.unlink()
    for path in [path for pattern in _UNUSED for path in folder.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for package in ("botocore", "boto3"):
        data = folder / package / "data"
        for service in data.iterdir() if data.exists() else ():
            if service.is_dir() and service.name not in AWS_SERVICES:
                shutil.rmtree(service)
