"""Intervals: against scipy's, their coverage, and what they refuse."""

import numpy as np
import pytest
from alarms import alpha
from scipy.stats import binom, binomtest

from boostsim.certification.intervals import bernstein_interval, binomial_interval, mean_interval


@pytest.mark.parametrize("samples", [1, 7, 400])
@pytest.mark.parametrize("level", [0.05, 1e-6])
def test_the_binomial_interval_is_clopper_and_pearsons(samples, level):
    for hits in {0, 1, samples // 3, samples}:
        known = binomtest(hits, samples).proportion_ci(1.0 - level, method="exact")
        assert binomial_interval(hits, samples, level) == pytest.approx((known.low, known.high))


@pytest.mark.parametrize("probability", [0.003, 0.1, 0.5, 0.97])
def test_the_binomial_interval_covers_exactly(probability):
    """No simulation: every count, weighted by its probability."""
    samples, level = 60, 0.1
    counts = np.arange(samples + 1)
    intervals = np.array([binomial_interval(int(hits), samples, level) for hits in counts])
    covered = (intervals[:, 0] <= probability) & (probability <= intervals[:, 1])
    assert binom.pmf(counts, samples, probability)[covered].sum() >= 1.0 - level


LAWS = {
    "skewed": (lambda rng, n: rng.beta(0.05, 0.4, n), 0.05 / 0.45),
    "even": (lambda rng, n: rng.random(n), 0.5),
    "rare": (lambda rng, n: (rng.random(n) < 0.02) * 1.0, 0.02),
}


@pytest.mark.parametrize("law", LAWS)
def test_the_bernstein_interval_covers(law):
    draw, mean = LAWS[law]
    rng, level, reports = np.random.default_rng(7), 0.05, 2000
    missed = 0
    for _ in range(reports):
        low, high = bernstein_interval(draw(rng, 50), level, 0.0, 1.0)
        missed += not low <= mean <= high
    assert binomtest(missed, reports, level, alternative="greater").pvalue >= alpha("coverage")


def test_the_bernstein_interval_learns_from_the_variance():
    rng = np.random.default_rng(0)
    narrow = rng.random(100_000) * 0.01
    low, high = bernstein_interval(narrow, 1e-3, 0.0, 1.0)
    assert high - low < 0.001
    low, high = bernstein_interval(narrow * 8.0, 1e-3, 0.0, 8.0)
    assert high - low < 0.008


def test_bounds_and_binary_values_are_taken_at_their_word():
    values = np.array([0.0, 1.0, 1.0, 0.0])
    assert mean_interval(values, 0.1, (0.0, 1.0), True) == binomial_interval(2, 4, 0.1)
    low, high = mean_interval(3.0 + 2.0 * values, 0.1, (3.0, 5.0), True)
    assert (low - 3.0) / 2.0 == pytest.approx(binomial_interval(2, 4, 0.1)[0])
    assert (high - 3.0) / 2.0 == pytest.approx(binomial_interval(2, 4, 0.1)[1])
    assert mean_interval(values * 0.0, 0.1, (0.0, 0.0)) == (0.0, 0.0)
    with pytest.raises(ValueError, match=r"must lie in its bounds \[0, 0.5\]; got 1"):
        mean_interval(values, 0.1, (0.0, 0.5))
    with pytest.raises(ValueError, match=r"must be 0 or 1 where it is called binary; got 0.5"):
        mean_interval(values * 0.5, 0.1, (0.0, 1.0), True)
    with pytest.raises(ValueError, match="must be finite; got nan"):
        mean_interval(values * np.nan, 0.1, (0.0, 1.0))
