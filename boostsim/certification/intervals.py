"""Confidence intervals for a mean, exact or distribution-free: no central limit is appealed to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import beta

from boostsim.arguments import finite, refuse

Interval = tuple[float, float]


def between_0_and_1(name: str, got: Any) -> float:
    """Return a number strictly between 0 and 1 as a float."""
    number = finite(name, got)
    if not 0.0 < number < 1.0:
        raise refuse(name, "strictly between 0 and 1", got)
    return number


def binomial_interval(hits: float, samples: float, alpha: float) -> Interval:
    """Return Clopper and Pearson's interval for a probability.

    It contains the probability of every binomial with probability at least 1 - alpha.

    Args:
        hits: how often it happened.
        samples: out of how many; an effective number need not be whole.
        alpha: the error probability, alpha/2 on each side.

    Example:
        >>> low, high = binomial_interval(0, 100, 0.05)
        >>> low, round(high, 4)
        (0.0, 0.0362)

    Source: Clopper and Pearson 1934.
    """
    low = beta.ppf(alpha / 2.0, hits, samples - hits + 1) if hits else 0.0
    high = beta.isf(alpha / 2.0, hits + 1, samples - hits) if hits < samples else 1.0
    return float(low), float(high)


def bernstein_interval(values: np.ndarray, alpha: float, low: float, high: float) -> Interval:
    """Return an empirical Bernstein interval for the mean of independent values in [low, high].

    Half-width: sqrt(2 V log(4/alpha)/n) + 7 (high - low) log(4/alpha)/(3 (n-1)), V the sample
    variance: it contains the mean of every such law with probability at least 1 - alpha.

    Args:
        values: independent draws of one law; of fewer than two nothing is known but the bounds.
        alpha: the error probability, alpha/2 on each side.
        low, high: bounds of the law, known beforehand.

    Example:
        >>> draws = np.random.default_rng(0).random(10_000)
        >>> left, right = bernstein_interval(draws, 0.01, 0.0, 1.0)
        >>> left < 0.5 < right, right - left < 0.03
        (True, True)

    Source: Maurer and Pontil 2009, theorem 4, on both sides.
    """
    samples = len(values)
    if samples < 2:
        return low, high
    logarithm = math.log(4.0 / alpha)
    spread = math.sqrt(2.0 * float(np.var(values, ddof=1)) * logarithm / samples)
    half = spread + 7.0 * (high - low) * logarithm / (3.0 * (samples - 1))
    mean = float(np.mean(values))
    return max(mean - half, low), min(mean + half, high)


def mean_interval(
    values: np.ndarray, alpha: float, bounds: Interval, binary: bool = False
) -> Interval:
    """Return the interval that fits what is known of the law beforehand.

    Args:
        values: independent draws of one law.
        alpha: the error probability.
        bounds: the smallest and the largest value the law can take.
        binary: whether it takes no other: then the interval is exact.

    Raises:
        ValueError: for a value that contradicts what was said of the law.
    """
    low, high = bounds
    if not np.isfinite(values).all():
        raise ValueError(f"statistic must be finite; got {values[~np.isfinite(values)][0]}")
    # Sums of weights round.
    slack = 1e-9 * (high - low)
    strange = values[(values < low - slack) | (values > high + slack)]
    if strange.size:
        raise ValueError(
            f"statistic must lie in its bounds [{low:g}, {high:g}]; got {strange[0]:.12g}. Give "
            "the measurement wider bounds, or mend the statistic"
        )
    if high == low:
        return low, high
    if not binary:
        return bernstein_interval(np.clip(values, low, high), alpha, low, high)
    hit = values == high
    between = values[~hit & (values != low)]
    if between.size:
        raise ValueError(
            f"statistic must be {low:g} or {high:g} where it is called binary; "
            f"got {between[0]:.12g}"
        )
    left, right = binomial_interval(int(hit.sum()), len(values), alpha)
    return low + (high - low) * left, low + (high - low) * right
