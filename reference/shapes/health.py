"""Whether all is well."""

from typing import Literal

from reference.shapes import Shape, sometimes


class Alive(Shape):
    """It answers."""

    status: Literal["ok"]
    version: str

    example = {"status": "ok", "version": "0.1.0"}


class Check(Shape):
    """How one dependency answered."""

    ok: bool
    ms: int
    error: str = sometimes()


class Readiness(Shape):
    """How all that was looked at answered."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, Check]
    """By name: `postgres`, `qdrant`, `model`, `queue`."""

    example = {"status": "ok", "checks": {"postgres": {"ok": True, "ms": 3}}}
