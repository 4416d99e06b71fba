"""Intervals: the same for the same seed, narrow where figures agree, and right as often as said."""

from dataclasses import astuple

import numpy as np
import pytest

from cli.evaluation import bootstrap
from cli.evaluation.comparing import compare
from cli.evaluation.scoring import Scores


def test_the_seed_decides() -> None:
    values = np.random.default_rng(1).random((40, 3))
    first = bootstrap.means(values, seed=7)
    assert first == bootstrap.means(values, seed=7)
    assert first != bootstrap.means(values, seed=8)
    for interval, mean in zip(first, values.mean(axis=0), strict=True):
        assert interval.low < interval.value == mean < interval.high


def test_a_figure_has_the_interval_it_has_alone() -> None:
    values = np.random.default_rng(1).random((30, 2))
    together = bootstrap.means(values, seed=0)
    (alone,) = bootstrap.means(values[:, 1:], seed=0)
    assert astuple(alone) == pytest.approx(astuple(together[1]))


def test_what_does_not_vary_has_no_width() -> None:
    (interval,) = bootstrap.means(np.full((20, 1), 0.5), seed=0)
    assert (interval.low, interval.value, interval.high) == (0.5, 0.5, 0.5)
    (single,) = bootstrap.means(np.array([[0.25]]), seed=0)
    assert (single.low, single.high) == (0.25, 0.25)


def test_a_mean_has_the_interval_that_theory_gives_it() -> None:
    values = np.random.default_rng(3).normal(size=(400, 1))
    (interval,) = bootstrap.means(values, seed=0)
    margin = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.low == pytest.approx(interval.value - margin, abs=0.005)
    assert interval.high == pytest.approx(interval.value + margin, abs=0.005)


def test_nineteen_intervals_of_twenty_hold_the_truth() -> None:
    # Zeros and ones with a mean of 0.6, as recall is; a column is an evaluation of its own.
    values = (np.random.default_rng(5).random((60, 400)) < 0.6).astype(float)
    intervals = bootstrap.means(values, seed=0)
    held = np.mean([interval.low <= 0.6 <= interval.high for interval in intervals])
    assert 0.91 <= held <= 0.98


def test_percentiles_of_latencies() -> None:
    values = np.arange(1.0, 102.0)
    median, p95 = bootstrap.percentiles(values, (50, 95), seed=0)
    assert (median.value, p95.value) == (51, 96)
    assert 35 < median.low < 51 < median.high < 67
    assert 85 < p95.low < 96 < p95.high <= 101
    assert [median, p95] == bootstrap.percentiles(values, (50, 95), seed=0)


def scores(*values: float) -> Scores:
    metrics = {"nDCG@10": np.array(values), "MRR@10": np.zeros(len(values))}
    return Scores(metrics=metrics, curve=np.zeros((len(values), 100)), ranks=[None] * len(values))


def test_questions_are_won_lost_and_tied() -> None:
    baseline, other = scores(0.2, 0.5, 1.0, 0.3, 0.1), scores(0.9, 0.5 + 1e-12, 0.4, 0.5, 0.0)
    compared = compare(baseline, other, metric="nDCG@10", seed=0)
    ranked = compared.differences["nDCG@10"]
    assert (ranked.won, ranked.lost, ranked.tied) == (2, 2, 1)
    assert ranked.difference.value == pytest.approx((0.7 - 0.6 + 0.2 - 0.1) / 5)
    assert ranked.difference.low < ranked.difference.value < ranked.difference.high
    assert (compared.wins, compared.losses) == ([0, 3], [2, 4])
    same = compared.differences["MRR@10"]
    assert (same.won, same.lost, same.tied) == (0, 0, 5)


def test_a_difference_is_paired() -> None:
    base = np.random.default_rng(2).random(100)
    compared = compare(scores(*base), scores(*(base + 0.01)), metric="nDCG@10", seed=0)
    interval = compared.differences["nDCG@10"].difference
    # Every question rose by as much, however much they differ among themselves.
    assert (interval.low, interval.high) == pytest.approx((0.01, 0.01))
