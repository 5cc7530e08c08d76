"""Bands of prompts whose verdicts are all alike: no resample of them shows anything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln


def seldom(attempts: np.ndarray, prompts: np.ndarray, shares: np.ndarray, tail: float) -> float:
    """Return the largest mean of the other verdict's rates that such a log may have.

    With rates p_x a log of n_x attempts at prompt x has none of the other verdict with probability
    prod (1 - p_x)^n_x. Where that is the tail at least, the mean sum w_x p_x/sum w_x is largest at
    1 - p_x = min(1, c n_x/w_x): of equal n and w it is Clopper and Pearson's 1 - tail^(1/sum n).

    Args:
        attempts: n of a prompt, above 0, ``[histories]``.
        prompts: how many prompts have them, ``[histories]``.
        shares: w of a prompt, at least 0, ``[histories]``.
        tail: in (0, 1).

    Example:
        >>> one = np.ones(1)
        >>> round(seldom(10.0 * one, 3.0 * one, one, 0.025), 4), round(1.0 - 0.025 ** (1 / 30), 4)
        (0.1157, 0.1157)
    """
    held = (prompts > 0.0) & (shares > 0.0)
    if not held.any():
        return 1.0
    n, many, w = attempts[held], prompts[held], shares[held]
    ratio = np.log(n / w)

    def off(log_c: float) -> float:
        return float(many @ (n * np.minimum(0.0, log_c + ratio))) - float(np.log(tail))

    most = -float(ratio.min())
    least = most + float(np.log(tail)) / float((many * n).min()) - 1.0
    log_c = float(brentq(off, least, most, xtol=1e-13))
    rates = -np.expm1(np.minimum(0.0, log_c + ratio))
    return float((many * w) @ rates / (many @ w))


def most_others(attempts: np.ndarray, seen: np.ndarray, tail: float) -> np.ndarray:
    """Return the least k that attempts of the other verdict exceed with at most such a probability.

    Of m attempts with a rate of the law beta(1, N), the beta-binomial law, at least k are with
    probability prod_{i < k} (m - i)/(N + m - i).

    Args:
        attempts: m, at least 1.
        seen: N, above 0; NaN gives NaN.
        tail: in (0, 1).

    Example:
        >>> most_others(np.array([1.0, 240.0]), np.array([1200.0, 1200.0]), 0.025)
        array([0., 2.])
    """

    def seldom_more(most: np.ndarray) -> np.ndarray:
        least = np.minimum(most + 1.0, attempts)
        log = gammaln(attempts + 1.0) - gammaln(attempts - least + 1.0)
        log += gammaln(seen + attempts - least + 1.0) - gammaln(seen + attempts + 1.0)
        return (most >= attempts) | (log <= np.log(tail))

    low, high = np.full(attempts.shape, -1.0), attempts
    while (high - low > 1.0).any():
        middle = np.floor((low + high) / 2.0)
        enough = seldom_more(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(np.isnan(seen), np.nan, high)


@dataclass(frozen=True)
class Unanimous:
    """The classes of a log in which all verdicts are alike.

    Resamples of their prompts are, too, and say that nothing else can come. So bands of a mean
    reach at least as far as :func:`seldom`, here with L for it. Of a filter (a1, a0) rates reach to
    a1 (1 - L) where all were accepted, 1 - (1 - a0) (1 - L) where none was: there the log is the
    tail as likely as where all are right, or none. With M for how often the other verdict is then,
    m attempts to come reach as far as :func:`most_others` of m and N = log(tail)/log(1 - M), whose
    beta law has that limit as its own.

    Attributes:
        accepted: whether all of a class were accepted, or none, ``[classes]`` of 1, 0; NaN where
            some were, or there are no attempts.
        attempts: of a prompt of each history, ``[histories]``.
        prompts: how many have each history, 0 where it has no attempts, ``[histories]``.
        ahead: attempts to come, of each of these prompts, ``[steps, histories]``.
        member: whether a history belongs to each class, ``[classes, histories]`` of 0 and 1.
        accept: probability that a (correct, wrong) response is accepted.
    """

    accepted: np.ndarray
    attempts: np.ndarray
    prompts: np.ndarray
    ahead: np.ndarray
    member: np.ndarray
    accept: tuple[float, float]

    def ends(self, name: str, tail: float) -> tuple[np.ndarray, np.ndarray]:
        """Return what a band of this name reaches to: the limit, and what the log shows itself.

        Returns:
            ``[steps, classes]`` each, NaN for a class that is not unanimous.
        """
        shares = np.ones(self.ahead.shape) if name == "correct" else self.ahead
        other = np.full((len(shares), len(self.member)), np.nan)
        for place in np.flatnonzero(np.isfinite(self.accepted)):
            own = self.prompts * self.member[place]
            for row, step in enumerate(shares):
                # Mostly as many are made at each step.
                again = row > 0 and np.array_equal(step, shares[row - 1])
                limit = other[row - 1, place] if again else seldom(self.attempts, own, step, tail)
                other[row, place] = limit
        one, wrong = self.accept
        other = 1.0 - np.where(self.accepted == 1.0, one, 1.0 - wrong) * (1.0 - other)
        if name == "observed":
            others = np.maximum(np.rint((self.ahead * self.prompts) @ self.member.T), 1.0)
            seen = np.log(tail) / np.log1p(-np.minimum(other, 1.0 - 1e-12))
            other = most_others(others, seen, tail) / others
        rate = np.where(self.accepted == 1.0, 1.0 - other, other)
        if name != "correct":
            return rate, self.accepted
        right = np.clip((rate - wrong) / (one - wrong), 0.0, 1.0)
        return right, right
