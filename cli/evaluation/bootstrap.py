"""Bootstrap intervals: questions drawn again with replacement, as other questions might have been.

Percentile intervals (Efron 1979), for all figures at once: every figure of a run, and those of two
runs that are compared, are computed of the same draws, so differences are paired.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 10_000
LEVEL = 0.95
# Numbers held at once.
_ROOM = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and between which values 95 % of its resamples lie."""

    value: float
    low: float
    high: float


def means(values: Floats, *, seed: int) -> list[Interval]:
    """Of each column of `values`, a row a question (n, m)."""
    count = len(values)
    resampled = np.concatenate(
        [_weights(drawn) @ values / count for drawn in _draws(count, seed=seed)]
    )
    return _intervals(values.mean(axis=0), resampled)


def percentiles(values: Floats, percents: Sequence[float], *, seed: int) -> list[Interval]:
    """Of one figure a question (n), at each of the `percents`."""
    resampled = np.concatenate(
        [
            np.percentile(values[drawn], percents, axis=1).T
            for drawn in _draws(len(values), seed=seed)
        ]
    )
    return _intervals(np.percentile(values, percents), resampled)


def _draws(count: int, *, seed: int) -> Iterator[NDArray[np.int64]]:
    """Which questions each resample is made of (b, n), RESAMPLES rows in all."""
    generator = np.random.default_rng(seed)
    rows = max(1, min(RESAMPLES, _ROOM // count))
    for first in range(0, RESAMPLES, rows):
        yield generator.integers(count, size=(min(rows, RESAMPLES - first), count))


def _weights(drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each question was drawn (b, n)."""
    rows, count = drawn.shape
    places = drawn + count * np.arange(rows)[:, None]
    return np.bincount(places.ravel(), minlength=rows * count).reshape(rows, count)


def _intervals(values: Floats, resampled: Floats) -> list[Interval]:
    outside = 100 * (1 - LEVEL) / 2
    lows, highs = np.percentile(resampled, [outside, 100 - outside], axis=0)
    return [
        Interval(float(value), float(low), float(high))
        for value, low, high in zip(values, lows, highs, strict=True)
    ]
