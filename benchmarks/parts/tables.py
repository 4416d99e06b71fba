"""The figures as they are read: a row for each part."""

from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table

from benchmarks.parts.joining import Joining
from cli.evaluation import bootstrap
from cli.evaluation.bootstrap import Interval
from cli.evaluation.comparing import Difference
from cli.evaluation.scoring import Scores

_BESIDE = ("MRR@10", "recall@1", "recall@5", "recall@100")


def parts_table(
    scores: Mapping[str, Scores],
    differences: Mapping[str, Difference],
    *,
    metric: str,
    seed: int,
) -> Table:
    """Each way's figures, and its `metric` less that of the same with the part."""
    table = Table(title="each part, with and without")
    for heading in ("", metric, *_BESIDE, "difference", "won, lost"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, scored in scores.items():
        columns = np.column_stack([scored.metrics[each] for each in (metric, *_BESIDE)])
        first, *others = bootstrap.means(columns, seed=seed)
        other = differences.get(name)
        table.add_row(
            name,
            _interval(first),
            *(f"{each.value:.3f}" for each in others),
            _interval(other.difference, signed=True) if other else "",
            f"{other.won}, {other.lost}" if other else "",
        )
    return table


def joined_table(joinings: Sequence[Joining]) -> Table:
    table = Table(title="neighbours joined, or more chunks instead, of as many characters")
    for heading in ("passages", "joined", "apart", "difference", "characters"):
        table.add_column(heading, justify="right")
    for one in joinings:
        joined, apart = one.characters
        table.add_row(
            str(one.passages),
            _interval(one.joined),
            _interval(one.apart),
            _interval(one.difference, signed=True),
            f"{joined:,.0f}, {apart:,.0f}",
        )
    return table


def _interval(of: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{of.value:{sign}.3f} [{of.low:{sign}.3f}, {of.high:{sign}.3f}]"
