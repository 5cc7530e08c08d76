"""Sums of two binomials, of which it is known how many trials each has, and only their sum.

The likelihood is in :mod:`boostsim.fitting.totals`: for each s it is concave in t, so that for each
s the largest one and how far t may go are found by bisection, and what is left is one-dimensional.

Source: Fisher 1935 (the noncentral law); Cornfield 1956 (where it is largest).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, gammaln

from boostsim.certification.intervals import Interval

# Beyond this distance of log odds one of the rates is 0 or 1, as far as counts can tell.
FARTHEST = 50.0
COARSE = np.concatenate([np.arange(0.0, 12.0, 0.5), np.arange(12.0, FARTHEST + 1.0, 2.0)])
# Nats that do not count, and terms of convolutions that are held at a time.
NONE, HELD = 1e-8, 2**21


@dataclass(frozen=True, eq=False)
class Kinds:
    """Kinds of (n, C, A), how many parts are of each, and sums over all parts.

    Attributes:
        attempts, correct, passed, weights: of each kind, ``[kinds]``.
        kind: of each part, ``[parts]``.
        right, wrong, accepted: R, W and T.
        factorial: logarithms of 0!, 1!, 2!, and so on.
        summed: sums of K(s) that are known already.
    """

    attempts: np.ndarray
    correct: np.ndarray
    passed: np.ndarray
    weights: np.ndarray
    kind: np.ndarray
    right: int
    wrong: int
    accepted: int
    factorial: np.ndarray
    summed: dict[float, float] = field(default_factory=dict)

    @classmethod
    def of(cls, attempts: np.ndarray, correct: np.ndarray, accepted: np.ndarray) -> Kinds:
        """Return them, of parts ``[parts]`` each."""
        kinds, kind, many = np.unique(
            np.stack([attempts, correct, accepted], axis=1),
            axis=0,
            return_inverse=True,
            return_counts=True,
        )
        right, passed = int(correct.sum()), int(accepted.sum())
        wrong = int(attempts.sum()) - right
        factorial = gammaln(np.arange(int(attempts.max()) + 1) + 1.0)
        return cls(
            kinds[:, 0],
            kinds[:, 1],
            kinds[:, 2],
            many,
            kind.ravel(),
            right,
            wrong,
            passed,
            factorial,
        )

    def law(self, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return K(s) of each kind, and mean and variance of its accepted right attempts."""
        n, right, passed = self.attempts, self.correct, self.passed
        left = n - right - passed
        low, high = np.maximum(0, -left), np.minimum(right, passed)
        # Where terms are largest, about, and how far from there none counts.
        odds = np.exp(shift)
        linear = odds * (right + passed) + left
        root = np.sqrt(np.maximum(linear**2 - 4.0 * (odds - 1.0) * odds * right * passed, 0.0))
        top = np.clip(2.0 * odds * right * passed / np.maximum(linear + root, 1e-300), low, high)
        cells = [np.maximum(each, 1e-300) for each in (top, right - top, passed - top, left + top)]
        wide = np.ceil(20.0 + 9.0 / np.sqrt(sum(1.0 / each for each in cells)))
        low = np.maximum(low, np.floor(top - wide)).astype(np.int64)
        high = np.minimum(high, np.ceil(top + wide)).astype(np.int64)
        factorial = self.factorial
        found = np.empty((3, len(n)))
        piece = np.cumsum(high - low + 1) // HELD
        for part in np.split(np.arange(len(n)), np.flatnonzero(np.diff(piece)) + 1):
            many = (high - low + 1)[part]
            start = np.cumsum(many) - many
            x = np.arange(int(many.sum())) - np.repeat(start - low[part], many)
            c, a, d = (np.repeat(each[part], many) for each in (right, passed, left))
            terms = shift * x - sum(factorial[each] for each in (x, c - x, a - x, d + x))
            most = np.maximum.reduceat(terms, start)
            mass = np.exp(terms - np.repeat(most, many))
            total = np.add.reduceat(mass, start)
            mean = np.add.reduceat(mass * x, start) / total
            square = np.add.reduceat(mass * (x - np.repeat(mean, many)) ** 2, start) / total
            constant = factorial[right[part]] + factorial[(n - right)[part]]
            found[:, part] = constant + most + np.log(total), mean, square
        return found[0], found[1], found[2]

    def inner(self, shift: float) -> float:
        """Return the sum of K(s)."""
        if shift not in self.summed:
            self.summed[shift] = float(self.weights @ self.law(shift)[0])
        return self.summed[shift]

    def outer(self, level: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Return the log-likelihood but for the sum of K(s)."""
        one, other = np.logaddexp(0.0, level + shift), np.logaddexp(0.0, level)
        return np.asarray(self.accepted * level - self.right * one - self.wrong * other)

    def level(self, shift: np.ndarray) -> np.ndarray:
        """Return the t at which R a1 + W a0 = T."""

        def excess(level: np.ndarray) -> np.ndarray:
            rates = self.right * expit(level + shift) + self.wrong * expit(level)
            return np.asarray(rates - self.accepted)

        shift = np.asarray(shift, float)
        return _crossing(excess, np.full(shift.shape, -150.0), np.full(shift.shape, 100.0))

    def profile(self, shift: float) -> float:
        """Return the largest log-likelihood at s."""
        at = np.asarray(shift, float)
        return float(self.outer(self.level(at), at)) + self.inner(shift)

    def most_likely(self) -> float:
        """Return s where the likelihood is largest, infinite where a rate is 0 or 1 there."""
        if not self.right or not self.wrong:
            return np.inf
        values = np.array([self.profile(each) for each in COARSE])
        place = int(values.argmax())
        near = COARSE[max(place - 1, 0)], COARSE[min(place + 1, len(COARSE) - 1)]
        found = minimize_scalar(
            lambda shift: -self.profile(shift),
            bounds=near,
            method="bounded",
            options={"xatol": 1e-9},
        )
        best = max(-float(found.fun), float(values.max()))
        if values[0] >= best - NONE:
            return 0.0
        return np.inf if values[-1] >= best - NONE else self._polished(float(found.x))

    def _polished(self, shift: float) -> float:
        """Return s where sum K'(s) = R a1, by Newton's steps: differences of values are rough."""
        for _ in range(4):
            _, mean, variance = self.law(shift)
            one, other = self.rates(shift)
            bends = self.right * one * (1.0 - one), self.wrong * other * (1.0 - other)
            slope = float(self.weights @ mean) - self.right * one
            bend = float(self.weights @ variance) - bends[0] * bends[1] / sum(bends)
            if bend >= 0.0:
                break
            shift = float(np.clip(shift - slope / bend, 0.0, FARTHEST))
        return shift

    def rates(self, shift: float) -> tuple[float, float]:
        """Return the most likely a1 and a0 at s; of a side without attempts 1, or 0."""
        if np.isinf(shift):
            one = min(self.accepted / self.right, 1.0) if self.right else 1.0
            return one, max(self.accepted - self.right, 0) / self.wrong if self.wrong else 0.0
        if self.accepted in (0, self.right + self.wrong):
            return (float(self.accepted > 0),) * 2
        level = float(self.level(np.asarray(shift)))
        return float(expit(level + shift)), float(expit(level))


def _crossing(
    rising: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return where functions that rise go through 0, by bisection; an end where they do not."""
    for _ in range(64):
        middle = 0.5 * (low + high)
        above = rising(middle) > 0.0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def ends_of(counts: Kinds, shift: float, right: bool, critical: float) -> Interval:
    """Return how far a rate goes where the likelihood loses at most so many nats.

    Args:
        counts: of the parts.
        shift: s where the likelihood is largest.
        right: whether it is a1, else a0.
        critical: the nats.
    """
    if not counts.right or not counts.wrong:
        region = (0.0, 0.0)
        floor = counts.profile(0.0) - critical
    else:
        best = counts.profile(min(shift, FARTHEST))
        floor = best - critical
        region = _region(counts, min(shift, FARTHEST), floor)
    found = []
    for up in (False, True):
        nodes = np.linspace(*region, 33)
        for _ in range(3):
            reached = _reached(counts, nodes, floor, up, right)
            place = int(reached.argmax() if up else reached.argmin())
            around = nodes[max(place - 1, 0)], nodes[min(place + 1, len(nodes) - 1)]
            nodes = np.linspace(*around, 9)
        found.append(float(expit(reached[place])))
    return found[0], found[1]


def _region(counts: Kinds, best: float, floor: float) -> Interval:
    """Return the smallest and the largest s of so large a likelihood."""
    inside = [each for each in COARSE if counts.profile(each) >= floor]
    ends = []
    for sign, limit in ((-1.0, 0.0), (1.0, FARTHEST)):
        near = max([best, *inside], key=lambda each: sign * each)
        beyond = [each for each in COARSE if sign * (each - near) > 0.0]
        if near == limit or not beyond:
            ends.append(near)
            continue
        far = min(beyond, key=lambda each: sign * each)
        root = brentq(lambda each: counts.profile(each) - floor, near, far, xtol=1e-6)
        ends.append(float(root))
    return ends[0], ends[1]


def _reached(counts: Kinds, nodes: np.ndarray, floor: float, up: bool, right: bool) -> np.ndarray:
    """Return the logit that a rate reaches at each s before the likelihood is below a floor."""
    inner = np.array([counts.inner(each) for each in nodes])
    top = counts.level(nodes)

    def short(level: np.ndarray) -> np.ndarray:
        lacks = floor - counts.outer(level, nodes) - inner
        return lacks if up else -lacks

    far = np.full(nodes.shape, 100.0 if up else -150.0)
    level = _crossing(short, top, far) if up else _crossing(short, far, top)
    return level + nodes if right else level
