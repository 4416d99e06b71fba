"""Two configurations, question by question: won, lost, tied, and by how much."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cli.evaluation import bootstrap
from cli.evaluation.bootstrap import Floats, Interval
from cli.evaluation.scoring import Scores

EXAMPLES = 5
# Sums in another order differ in their last digits.
_SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of one metric, the other's less the baseline's: how many questions rose, fell, stayed."""

    won: int
    lost: int
    tied: int
    difference: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`differences` by metric. `each` is that of `metric`, question by question (n).

    `wins` and `losses` are places of questions, the largest difference first.
    """

    differences: dict[str, Difference]
    metric: str
    each: Floats
    wins: Sequence[int]
    losses: Sequence[int]


def compare(baseline: Scores, other: Scores, *, metric: str, seed: int) -> Comparison:
    names = list(baseline.metrics)
    each = np.column_stack([other.metrics[name] - baseline.metrics[name] for name in names])
    intervals = bootstrap.means(each, seed=seed)
    differences = {
        name: _difference(each[:, column], intervals[column]) for column, name in enumerate(names)
    }
    chosen = each[:, names.index(metric)]
    order = np.argsort(-chosen, kind="stable")
    return Comparison(
        differences=differences,
        metric=metric,
        each=chosen,
        wins=[int(place) for place in order[:EXAMPLES] if chosen[place] > _SAME],
        losses=[int(place) for place in order[::-1][:EXAMPLES] if chosen[place] < -_SAME],
    )


def _difference(each: Floats, interval: Interval) -> Difference:
    won, lost = int((each > _SAME).sum()), int((each < -_SAME).sum())
    return Difference(won=won, lost=lost, tied=len(each) - won - lost, difference=interval)
