"""What `make layer` has built: the layer, and a folder for each function."""

from pathlib import Path

from aws_cdk import FileSystem
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

BUILD = Path(__file__).resolve().parent.parent / "build"


class Bundles(Construct):
    """`layer` is what two functions or more need; `of` a handler, what that function alone does."""

    def __init__(self, scope: Construct, id: str, *, build: Path = BUILD) -> None:
        """`build` holds `layer/python/…` and `functions/{name}/…`, as Lambda unpacks them.

        Raises FileNotFoundError where nothing was built yet.
        """
        super().__init__(scope, id)
        self._build = build
        self.layer = lambda_.LayerVersion(
            self,
            "Layer",
            code=self._code("layer"),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def of(self, handler: str) -> lambda_.Code:
        """The bundle of the function that has this handler, be it a name or a path."""
        return self._code(_folder(handler))

    def fingerprint(self, handler: str) -> str:
        """It changes with every byte of that bundle."""
        return FileSystem.fingerprint(str(self._build / _folder(handler)))

    def _code(self, folder: str) -> lambda_.Code:
        if not (self._build / folder).is_dir():
            raise FileNotFoundError(f"There is no build/{folder}: run `make layer` first.")
        return lambda_.Code.from_asset(str(self._build / folder))


def _folder(handler: str) -> str:
    return f"functions/{handler.replace('/', '.').split('.')[1]}"
