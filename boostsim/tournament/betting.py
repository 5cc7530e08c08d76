"""Intervals that need nothing but bounds: whoever bets against a true mean seldom gets rich.

For values in [-1, 1] of mean mu and a fraction f of what may be staked, the wealth
prod_i (1 + f (m - D_i)/(1 - m)) of a bet that the mean is below m is a martingale where m = mu, and
so is the mixture over fractions

    K_n(m) = sum_j w_j prod_{i <= n} (1 + f_j (m - D_i)/(1 - m)).

It reaches 1/alpha with probability at most alpha (Ville), and rises with m: the means above the
first m at which it ever has are left out. The lower end is the upper one of -D; each side has
alpha/2. The interval holds at every sample size at once, whatever the distribution is. A mean that
comes from rare large values is left out only when so many seeds have not shown one: after n values
of 0 the interval still reaches to about log(2/alpha)/n.

Source: Waudby-Smith and Ramdas 2024, arXiv 2010.09686 (with a mixture in place of plug-in bets).
"""

from __future__ import annotations

import numpy as np

# Halves, as values scatter widely or hardly at all; that they hardly do is the likeliest.
FRACTIONS = 0.5 ** np.arange(8)
WEIGHTS = FRACTIONS / FRACTIONS.sum()
# Of the bisection of [-1, 1]: an end is found to 5e-10.
HALVINGS = 32


def wealth(values: np.ndarray, mean: float) -> np.ndarray:
    """Return log K_n(m) after each value.

    Args:
        values: ``[n]`` in [-1, 1].
        mean: m, below 1.

    Example:
        >>> bool(wealth(np.zeros(9), 0.0).max() == 0.0 < wealth(np.zeros(9), 0.1)[-1])
        True
    """
    stakes = FRACTIONS[:, None] * ((mean - values) / (1.0 - mean))
    with np.errstate(divide="ignore"):
        logs = np.cumsum(np.log1p(stakes), axis=1) + np.log(WEIGHTS)[:, None]
    top = logs.max(axis=0)
    return top + np.log(np.exp(logs - top).sum(axis=0))


def _upper(values: np.ndarray, alpha: float) -> float:
    low, high = -1.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if wealth(values, middle).max() >= -np.log(alpha):
            high = middle
        else:
            low = middle
    return high


def bounded_sequence(values: np.ndarray, alpha: float) -> tuple[float, float]:
    """Return the interval after the last value: what no look so far left out.

    Args:
        values: ``[n]`` in [-1, 1], independent, of one mean.
        alpha: the error probability of all intervals together.

    Returns:
        Its ends; [-1, 1] where nothing is known. It may be empty, with probability at most alpha.

    Example:
        >>> low, high = bounded_sequence(np.zeros(100), 0.05)
        >>> round(low, 3), round(high, 3)
        (-0.042, 0.042)
    """
    # A difference of two scores may be beyond 1 by rounding.
    values = np.clip(np.asarray(values, float), -1.0, 1.0)
    if not len(values):
        return -1.0, 1.0
    return -_upper(-values, alpha / 2.0), _upper(values, alpha / 2.0)
