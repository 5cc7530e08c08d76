"""Whether trials of a group agree more than trials of different groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc, ndtr, pdtrc

# Permutations, and up to how many cells they are drawn; above, the tail has a closed form.
DRAWS, MOST_CELLS = 999, 100


@dataclass(frozen=True)
class Test:
    """A number, and how rarely chance alone gives one as large.

    Attributes:
        statistic: what was measured, or None where nothing could be.
        p_value: the probability of as large a one where what is tested is true, or None.
        why_not: why there is none, or None.
    """

    # Not one of pytest's.
    __test__ = False

    statistic: float | None
    p_value: float | None
    why_not: str | None = None

    def rejects(self, level: float) -> bool:
        """Whether it could be made, and what it tests is not believable at that level."""
        return self.p_value is not None and self.p_value <= level


def overdispersion(hits: np.ndarray, trials: np.ndarray, strata: np.ndarray | None = None) -> Test:
    """Test that trials of a stratum are exchangeable, against groups whose trials agree.

    With z = (x - p)/sqrt(p (1 - p)) of each trial x in {0, 1}, p its stratum's share of hits, the
    sum of z_j z_k over the pairs within groups is the score for a correlation within groups. Given
    each stratum's hits, under the null every arrangement of them is equally likely: of small logs
    999 arrangements are drawn (then the level is exact), of large ones the tail is a gamma law's of
    the exact mean and variance and the skewness of independent trials; where less than one pair of
    the rarer outcome is expected, at least Poisson's tail of their number. It is one-sided.

    Args:
        hits, trials: ``[groups]``, 0 <= hits <= trials.
        strata: ``[groups]``, in which groups are compared; None: all with all.

    Returns:
        The correlation of two trials of a group (1 where all groups agree within themselves, about
        0 under the null), and its p-value.

    Example:
        >>> overdispersion(np.array([4, 0, 4, 0]), np.array([4, 4, 4, 4])).statistic
        1.0
        >>> overdispersion(np.array([1, 0]), np.array([1, 1])).why_not
        'no two trials are of one group'

    Source: Tarone 1979 (the score); its moments are those of draws without replacement.
    """
    some = np.asarray(trials) > 0
    hits, trials = np.asarray(hits)[some].astype(float), np.asarray(trials)[some].astype(float)
    if not (trials > 1).any():
        return Test(None, None, "no two trials are of one group" if len(trials) else "no trials")
    within = np.zeros(len(trials), int) if strata is None else np.asarray(strata)[some]
    within = np.unique(within, return_inverse=True)[1]
    total, positive = np.bincount(within, trials), np.bincount(within, hits)
    largest = np.zeros(len(total))
    np.maximum.at(largest, within, trials)
    useful = (positive > 0) & (positive < total) & (largest > 1) & (largest < total)
    if not useful.any():
        alike = ((positive == 0) | (positive == total)).all()
        return Test(None, None, f"all trials {'end alike' if alike else 'are of one group'}")
    kept = useful[within]
    hits, trials, within = hits[kept], trials[kept], np.cumsum(useful)[within[kept]] - 1
    total, positive = total[useful], positive[useful]
    p = positive / total
    variance = p * (1.0 - p)

    mean, spread, skewness, pairs = _moments(trials, within, total, p)
    scores = ((hits - trials * p[within]) ** 2 / variance[within]).sum()
    score = (scores - total.sum()) / 2.0
    correlation = (score - mean) / (pairs - mean)
    if len(total) * np.bincount(within).max() <= MOST_CELLS:
        drawn = _drawn(trials, within, total, positive)
        p_value = (1 + int((drawn >= scores * (1.0 - 1e-12)).sum())) / (DRAWS + 1)
    else:
        p_value = _tail((score - mean) / max(spread, 1e-9), skewness)
        rarer = np.where((p > 0.5)[within], trials - hits, hits)
        together = (rarer * (rarer - 1.0)).sum() / 2.0
        expected = (trials * (trials - 1.0) * np.minimum(p, 1.0 - p)[within] ** 2).sum() / 2.0
        if expected < 1.0:
            p_value = max(p_value, float(pdtrc(together - 1.0, expected)) if together else 1.0)
    return Test(float(correlation), float(p_value))


def _moments(
    trials: np.ndarray, within: np.ndarray, total: np.ndarray, p: np.ndarray
) -> tuple[float, float, float, float]:
    """Return mean, standard deviation and skewness of the score, and its number of pairs.

    Of sums over distinct trials, drawn without replacement from z with sum 0 and squares' sum N.
    """
    pairs = np.bincount(within, trials * (trials - 1.0)) / 2.0
    joined = np.bincount(within, trials * (trials - 1.0) * (trials - 2.0))
    fourth = total * (1.0 - 3.0 * p * (1.0 - p)) / (p * (1.0 - p))
    two = total * (total - 1.0)
    three, four = two * (total - 2.0), two * (total - 2.0) * (total - 3.0)
    mean = -pairs * total / two
    second = pairs * (total**2 - fourth) / two
    second += joined * (2.0 * fourth - total**2) / np.maximum(three, 1.0)
    apart = pairs**2 - pairs - joined
    second += apart * (3.0 * total**2 - 6.0 * fourth) / np.maximum(four, 1.0)
    lean = (1.0 - 2.0 * p) ** 2 / (p * (1.0 - p))
    third = (joined + pairs * lean).sum() / pairs.sum() ** 1.5
    spread = np.sqrt(np.maximum(second - mean**2, 0.0).sum())
    return float(mean.sum()), float(spread), float(third), float(pairs.sum())


def _tail(standardised: float, skewness: float) -> float:
    """Return the probability beyond, of a gamma law with mean 0 and variance 1."""
    if skewness < 1e-6:
        return float(ndtr(-standardised))
    shape = 4.0 / skewness**2
    return float(gammaincc(shape, max(shape + np.sqrt(shape) * standardised, 0.0)))


def _drawn(
    trials: np.ndarray, within: np.ndarray, total: np.ndarray, positive: np.ndarray
) -> np.ndarray:
    """Return the sum of squares for each of the drawn arrangements of the hits."""
    generator = np.random.default_rng(0)
    order = np.argsort(within, kind="stable")
    sizes = np.bincount(within)
    starts = np.cumsum(sizes) - sizes
    p = positive / total
    hits_left = np.tile(positive.astype(np.int64), (DRAWS, 1))
    left = total.astype(np.int64)
    sums = np.zeros(DRAWS)
    for column in range(sizes.max()):
        there = np.flatnonzero(sizes > column)
        n = trials[order[starts[there] + column]].astype(np.int64)
        good = hits_left[:, there]
        hit = generator.hypergeometric(good, left[there] - good, n)
        hits_left[:, there] -= hit
        left[there] -= n
        off = (hit - n * p[there]) ** 2 / (p[there] * (1.0 - p[there]))
        sums += off.sum(axis=1)
    return sums
