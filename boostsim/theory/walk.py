"""Boosting iteration by iteration, of many settings side by side: in the limit, or at v visits.

In the limit of many visits a prompt's error is a number, and T4's map moves it. At v visits it is
the state of a chain: each visit yields one example, so Z' | Z = i is Binomial(v, g(i/v)) with
g that map, v + 1 states, and every mean over them is a sum.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Groups(NamedTuple):
    """Prompts by their first error: the groups' weights and errors."""

    weights: np.ndarray
    errors: np.ndarray


class Settings(NamedTuple):
    """What is followed side by side, an entry each.

    Attributes:
        beta: correct mass of the labeler.
        noise: of the filter, all its votes counted.
        attempts: k.
    """

    beta: np.ndarray
    noise: np.ndarray
    attempts: np.ndarray


class Moved(NamedTuple):
    """One iteration from somewhere: right and wrong mass after it, labels and attempts a visit.

    Attempts are of a visit that stops at the first accepted.
    """

    right: np.ndarray
    wrong: np.ndarray
    labels: np.ndarray
    tried: np.ndarray


def moved(right: np.ndarray, wrong: np.ndarray, settings: Settings) -> Moved:
    """Return T4's map at errors ``[settings, places]``.

    With A = (1 - gamma) p + gamma e and u = 1 - A the map is e' = (1 - u^k) gamma e/A +
    u^k (1 - beta), a visit costs u^k labels and stops after (1 - u^k)/A attempts. Right and wrong
    mass stand side by side: from 1 - e a rounding error would grow into a solution.

    Example:
        >>> one = Settings(np.array([0.5]), np.array([0.0]), np.array([2]))
        >>> moved(np.array([[0.5]]), np.array([[0.5]]), one).wrong.tolist()
        [[0.125]]
    """
    beta, noise, attempts = (each[:, None] for each in settings)
    passed, slipped = (1.0 - noise) * right, noise * wrong
    accepted = passed + slipped
    rejected = noise * right + (1.0 - noise) * wrong
    with np.errstate(divide="ignore"):
        log_rejected = np.where(
            accepted < 0.5, np.log1p(-np.minimum(accepted, 0.5)), np.log(rejected)
        )
    failed = np.exp(attempts * log_rejected)
    gain = -np.expm1(attempts * log_rejected) / np.where(accepted > 0.0, accepted, 1.0)
    tried = np.where(accepted > 0.0, gain, attempts)
    right, wrong = gain * passed + failed * beta, gain * slipped + failed * (1.0 - beta)
    return Moved(right, wrong, failed, tried)


class Limit:
    """The limit of many visits: each group's error is a number.

    Example:
        >>> one = Settings(np.array([0.5]), np.array([0.0]), np.array([1]))
        >>> walk = Limit(one, Groups(np.array([1.0]), np.array([1.0])))
        >>> walk.advance()[0].tolist(), walk.error.tolist()
        ([[1.0]], [0.5])
    """

    def __init__(self, settings: Settings, groups: Groups) -> None:
        """Stand at the first model."""
        self.settings, self.weights = settings, groups.weights
        # What is spent comes in parts: a group each, of these weights.
        shape = len(settings.beta), len(groups.errors)
        self.wrong = np.broadcast_to(groups.errors, shape).copy()
        self.right = 1.0 - self.wrong
        self.resting = np.zeros(len(settings.beta), bool)

    @property
    def error(self) -> np.ndarray:
        """The mean error of each setting."""
        return self.wrong @ self.weights

    def advance(self) -> tuple[np.ndarray, np.ndarray]:
        """Make an iteration; return its labels and attempts per visit, ``[settings, parts]``."""
        after = moved(self.right, self.wrong, self.settings)
        still = (after.right == self.right) & (after.wrong == self.wrong)
        self.resting = still.all(1)
        self.right, self.wrong = after.right, after.wrong
        return after.labels, after.tried

    def keep(self, which: np.ndarray) -> None:
        """Leave out all settings but some."""
        self.settings = Settings(*(each[which] for each in self.settings))
        self.right, self.wrong = self.right[which], self.wrong[which]
        self.resting = self.resting[which]


class AtVisits:
    """So many visits to each prompt and iteration: the law of its right examples, 0 to v.

    A setting rests once its law changes by no more than rounding does.

    Example:
        >>> one = Settings(np.array([0.5]), np.array([0.0]), np.array([2]))
        >>> walk = AtVisits(one, Groups(np.array([1.0]), np.array([1.0])), 2)
        >>> for _ in range(2):
        ...     labels, tried = walk.advance()
        >>> walk.law.tolist(), walk.error.tolist()
        ([[0.0703125, 0.234375, 0.6953125]], [0.1875])
    """

    def __init__(self, settings: Settings, groups: Groups, visits: int) -> None:
        """Stand at the first model, which need not be one of the states."""
        self.settings, self.groups, self.visits = settings, groups, visits
        # What is spent is a mean over all prompts already.
        self.weights = np.ones(1)
        right = np.arange(visits + 1) / visits
        self._wrong = right[::-1]
        self._at = moved(right, self._wrong, settings)
        self._kernel = binomials(self._at.right, self._at.wrong, visits)
        self.law: np.ndarray | None = None
        self.resting = np.zeros(len(settings.beta), bool)

    @property
    def error(self) -> np.ndarray:
        """The mean error of each setting."""
        if self.law is None:
            first = float(self.groups.errors @ self.groups.weights)
            return np.full(len(self.settings.beta), first)
        return self.law @ self._wrong

    def advance(self) -> tuple[np.ndarray, np.ndarray]:
        """Make an iteration; return its labels and attempts per visit, ``[settings, 1]``."""
        if self.law is None:
            weights, wrong = self.groups
            after = moved(1.0 - wrong, wrong, self.settings)
            laws = binomials(after.right, after.wrong, self.visits)
            self.law = np.einsum("g,sgz->sz", weights, laws)
            return (after.labels @ weights)[:, None], (after.tried @ weights)[:, None]
        law = (self.law[:, None, :] @ self._kernel)[:, 0]
        # Of each probability: a small one that still falls is the error that is left.
        rounding = 4.0 * (self.visits + 1) * np.finfo(float).eps
        self.resting = (np.abs(law - self.law) <= rounding * law).all(1)
        labels, tried = (
            (self.law * each).sum(1, keepdims=True) for each in (self._at.labels, self._at.tried)
        )
        self.law = law
        return labels, tried

    def keep(self, which: np.ndarray) -> None:
        """Leave out all settings but some."""
        self.settings = Settings(*(each[which] for each in self.settings))
        self._at = Moved(*(each[which] for each in self._at))
        self._kernel, self.resting = self._kernel[which], self.resting[which]
        if self.law is not None:
            self.law = self.law[which]


def walked(settings: Settings, groups: Groups, visits: int | None) -> Limit | AtVisits:
    """Return settings at the first model, on their way in the limit or at so many visits."""
    return Limit(settings, groups) if visits is None else AtVisits(settings, groups, visits)


def binomials(right: np.ndarray, wrong: np.ndarray, visits: int) -> np.ndarray:
    """Return the laws Binomial(v, p) on 0..v of right and wrong masses, ``[..., v + 1]``.

    Example:
        >>> binomials(np.array(0.5), np.array(0.5), 2).round(6).tolist()
        [0.25, 0.5, 0.25]
    """
    number = np.arange(visits + 1.0)
    # Of whole numbers as large as need be: a logarithm of each, correctly rounded.
    ways = np.array([math.log(math.comb(visits, int(each))) for each in number])
    with np.errstate(divide="ignore"):
        logs = [np.log(mass)[..., None] for mass in (right, wrong)]
    # Nothing times the logarithm of nothing is nothing.
    with np.errstate(invalid="ignore"):
        up, down = number * logs[0], number[::-1] * logs[1]
    up[..., 0], down[..., -1] = 0.0, 0.0
    up += down
    up += ways
    return np.exp(up, out=up)


def labels_spread(
    settings: Settings, groups: Groups, visits: int, iterations: int
) -> tuple[float, float]:
    """Return mean and variance of the labels that one prompt gets in all, of one setting.

    The variance is the mean over groups of each prompt's own. Of v examples of which z are right,
    labels are Binomial(z, u^k beta/g) + Binomial(v - z, u^k (1 - beta)/(1 - g)) independently, so
    the moments of labels so far, on each state, move with the chain.

    Example:
        >>> one = Settings(np.array([0.5]), np.array([0.0]), np.array([1]))
        >>> mean, variance = labels_spread(one, Groups(np.array([1.0]), np.array([1.0])), 1, 60)
        >>> round(mean, 9), round(variance, 9)
        (2.0, 2.0)
    """
    states = np.arange(visits + 1)
    means, variances = [], []
    for wrong in groups.errors:
        # The first model, then every state, as places to come from.
        right = np.append(1.0 - wrong, states / visits)[None]
        missing = np.append(wrong, states[::-1] / visits)[None]
        after = moved(right, missing, settings)
        kernel = binomials(after.right, after.wrong, visits)[0]
        given_right, given_wrong = (
            np.divide(after.labels * share, mass, out=np.zeros_like(mass), where=mass > 0.0)[0]
            for share, mass in (
                (settings.beta, after.right),
                (1.0 - settings.beta, after.wrong),
            )
        )
        mean = states * given_right[:, None] + states[::-1] * given_wrong[:, None]
        extra = states * (given_right * (1.0 - given_right))[:, None]
        extra = extra + states[::-1] * (given_wrong * (1.0 - given_wrong))[:, None]
        one, two = kernel * mean, kernel * (mean**2 + extra)
        law, first, second = np.eye(visits + 2)[0], *np.zeros((2, visits + 2))
        for _ in range(iterations):
            second = second @ kernel + 2.0 * (first @ one) + law @ two
            first, law = first @ kernel + law @ one, law @ kernel
            law, first, second = (np.append(0.0, each) for each in (law, first, second))
        means.append(first.sum())
        variances.append(second.sum() - first.sum() ** 2)
    return float(groups.weights @ means), float(max(groups.weights @ variances, 0.0))
