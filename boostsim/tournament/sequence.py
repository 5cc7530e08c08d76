"""A confidence sequence: an interval for a mean at every sample size at once.

Whoever looks after each seed and stops when it suits needs intervals that hold together over all
sample sizes. For normal observations of unknown mean and variance the mixture over effect sizes
delta ~ N(0, g), with the scale prior 1/sigma, is a likelihood ratio that is a martingale under the
null whatever sigma is,

    B_n = (1 + n g)^(-1/2) [(1 + t^2/(n - 1)) / (1 + t^2/((n - 1)(1 + n g)))]^(n/2),

t the one-sample t statistic; so B_n >= 1/alpha ever happens with probability at most alpha (Ville).
The interval holds the means that are not rejected so far. (Several g share alpha evenly.)

Source: Lai 1976; Wang and Ramdas 2025, arXiv 2310.03722.
"""

from __future__ import annotations

import numpy as np

# Variances of the effect sizes that the mixtures expect, in units of the observations' variance: of
# effects like the standard deviation, and of far larger ones, which are seen after fewer values.
SPREADS = (1.0, 400.0)


def mixture_ratio(values: np.ndarray, mean: float = 0.0, spread: float = 1.0) -> float:
    """Return B_n, the evidence of the values against their mean.

    Args:
        values: ``[n]``, two at least, not all equal.
        mean: under the null.
        spread: g.

    Example:
        >>> round(mixture_ratio(np.array([1.0, 2.0, 3.0, 2.0])), 2)
        5.36
    """
    n = len(values)
    square = (np.mean(values) - mean) ** 2 * n / np.var(values, ddof=1)
    inflated = 1.0 + n * spread
    ratio = (1.0 + square / (n - 1)) / (1.0 + square / ((n - 1) * inflated))
    return float(inflated**-0.5 * ratio ** (n / 2.0))


def half_widths(values: np.ndarray, alpha: float) -> np.ndarray:
    """Return the half-width of the interval after each value: where B_n falls to 1/alpha.

    With r = 1 + n g and A = (r^(1/2)/alpha)^(2/n): t^2 = (n - 1)(A - 1)/(1 - A/r), and no bound
    while A >= r. The variances g share alpha evenly, and the narrowest interval counts.

    Args:
        values: ``[n]``.
        alpha: the error probability of all intervals together.

    Returns:
        ``[n]``; infinite where nothing is known yet.
    """
    each = [_half_widths(np.asarray(values, float), alpha / len(SPREADS), g) for g in SPREADS]
    return np.min(each, axis=0)


def _half_widths(values: np.ndarray, alpha: float, spread: float) -> np.ndarray:
    count = np.arange(1, len(values) + 1)
    # From the first value on: what they have in common would cost digits.
    rest = values - values[:1]
    squares = np.maximum(np.cumsum(rest**2) - np.cumsum(rest) ** 2 / count, 0.0)
    inflated = 1.0 + count * spread
    level = np.exp((0.5 * np.log(inflated) - np.log(alpha)) * 2.0 / count)
    known = (level < inflated) & (count > 1)
    bound = np.where(known, (level - 1.0) / np.where(known, 1.0 - level / inflated, 1.0), np.inf)
    # t^2 s^2/n with s^2 = squares/(n - 1).
    return np.where(known, np.sqrt(np.where(known, bound, 0.0) * squares / count), np.inf)
