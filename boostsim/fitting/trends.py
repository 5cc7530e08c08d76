"""Whether a probability moves with something that is known beforehand."""

from __future__ import annotations

import numpy as np
from scipy.stats import t

from boostsim.fitting.overdispersion import Test


def trend(hits: np.ndarray, trials: np.ndarray, known: np.ndarray, prompt: np.ndarray) -> Test:
    """Test that a probability does not depend on a known number, two-sided.

    With p = sum hits / sum trials, the score is the sum of (hits - p trials)(x - x'), x' the mean
    of x over trials. Its variance is the larger of the binomial's, p (1 - p) sum trials (x - x')^2,
    and that of sums by prompt about the fitted line, so that trials of a prompt may depend on each
    other; its quantiles are t's with 2 (sum s^2)^2/sum s^4 degrees of freedom, s those sums, at
    most prompts - 2. What is known before a trial may depend on all that came before.

    Args:
        hits, trials: ``[records]``.
        known: x, ``[records]``: an iteration, or 0 and 1 for two kinds of record.
        prompt: ``[records]``.

    Returns:
        The slope of the probability in x, and the p-value.

    Example:
        >>> x = np.array([0, 0, 0, 0, 1, 1, 1, 1])
        >>> found = trend(8 - 7 * x, np.full(8, 9), x, np.arange(8))
        >>> round(found.statistic, 3), found.p_value < 0.01
        (-0.778, True)
    """
    some = np.asarray(trials) > 0
    hits, trials = np.asarray(hits)[some].astype(float), np.asarray(trials)[some].astype(float)
    x, of = np.asarray(known)[some].astype(float), np.asarray(prompt)[some]
    if not len(trials):
        return Test(None, None, "no trials")
    p = hits.sum() / trials.sum()
    off = x - (trials * x).sum() / trials.sum()
    spread = float((trials * off**2).sum())
    if np.ptp(x) <= 1e-12 * np.abs(x).max():
        return Test(None, None, "all trials are of one kind")
    if p in (0.0, 1.0):
        return Test(None, None, "all trials end alike")
    of = np.unique(of, return_inverse=True)[1]
    score = float(((hits - p * trials) * off).sum())
    slope = score / spread
    sums = np.bincount(of, (hits - (p + slope * off) * trials) * off)
    prompts = len(sums)
    if prompts < 3:
        return Test(None, None, f"there {'are two prompts' if prompts == 2 else 'is one prompt'}")
    squares, fourth = float((sums**2).sum()), float((sums**4).sum())
    variance = max(p * (1.0 - p) * spread, squares * prompts / (prompts - 2.0))
    freedom = min(prompts - 2.0, 2.0 * squares**2 / fourth if fourth else np.inf)
    p_value = 2.0 * t.sf(abs(score) / variance**0.5, max(freedom, 1.0))
    return Test(slope, float(p_value))
