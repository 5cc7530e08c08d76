"""How the correct mass of a prompt moves from one iteration to the next, by learner.

``odds``: logit p grows by D = log R a step (T9, T18; docs/theory.md). ``arithmetic``: p moves a
share s of the way to g(p), the population map of the log's procedure (T19); ``strong`` is s = 1;
``none`` does not move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from boostsim.objects import Described

KINDS = ("odds", "arithmetic", "strong", "none")
# Below what float64 holds a likelihood is none: impossible, told by a number that can be summed.
LEAST = 1e-300
# More than this in either direction tells 0 from 1, whatever the first model was.
FASTEST = 40.0


@dataclass(frozen=True)
class Dynamics(Described):
    """A learner's law of motion, with its numbers.

    Args:
        kind: ``"odds"``, ``"arithmetic"``, ``"strong"`` or ``"none"``.
        speed: D of each block for odds; (s,) for arithmetic; else empty.
        ends: step at which each block but the last ends, ascending.
        accept: probability that a (correct, wrong) response is accepted.
        attempts: n, what an iteration makes at a prompt: where nothing is accepted it stays.
        label_weight: w of a label, beside what was accepted in an iteration (odds), or beside one
            accepted response (arithmetic).
        beta: how often a label is right.
    """

    kind: str
    speed: tuple[float, ...] = ()
    ends: tuple[int, ...] = ()
    accept: tuple[float, float] = (1.0, 0.0)
    attempts: int = 1
    label_weight: float = 1.0
    beta: float = 0.0

    def rates(self, step: int) -> float:
        """Return D or s of the step from ``step`` to the next; the last block's ever after."""
        if self.kind == "strong":
            return 1.0
        if self.kind == "none":
            return 0.0
        return self.speed[int(np.searchsorted(self.ends, step, side="right"))]

    def advance(
        self, right: np.ndarray, wrong: np.ndarray, step: int, labels: Any = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the correct and wrong mass after one more iteration.

        Args:
            right: p, of any shape.
            wrong: 1 - p, of the same shape; given by itself, for near 0 it is not 1 - p.
            step: the iteration, for the block that it is in.
            labels: L, labels bought at the prompt in this iteration; broadcasts.
        """
        labels = np.asarray(labels, float)
        rate, share = self.rates(step), self.label_weight * labels
        if self.kind in ("odds", "none"):
            right, wrong = moved_odds(right, wrong, rate)
            if not labels.any():
                return right, wrong
            total = 1.0 + share
            return (right + share * self.beta) / total, (wrong + share * (1 - self.beta)) / total
        # A speed just below 0, as slopes at 0 are taken with, leads out of [0, 1].
        right, wrong = np.maximum(right, 0.0), np.maximum(wrong, 0.0)
        one, other = self.accept
        accepted = one * right + other * wrong
        rejected = (1.0 - one) * right + (1.0 - other) * wrong
        safe = np.maximum(accepted, LEAST)
        sigma, mistaken = one * right / safe, other * wrong / safe
        lost = rejected**self.attempts
        kept = -np.expm1(self.attempts * np.log1p(-np.minimum(accepted, 1.0 - 1e-16)))
        # Without labels a prompt of which nothing was accepted keeps its row (section 5).
        data = lost * right + kept * sigma, lost * wrong + kept * mistaken
        if labels.any():
            total = np.maximum(kept + share, LEAST)
            mixed = (
                (kept * sigma + share * self.beta) / total,
                (kept * mistaken + share * (1.0 - self.beta)) / total,
            )
            data = tuple(np.where(labels > 0.0, new, old) for new, old in zip(mixed, data))
        right = (1.0 - rate) * right + rate * data[0]
        wrong = (1.0 - rate) * wrong + rate * data[1]
        # A sum that is off by a rounding error would be off by more after each step.
        total = right + wrong
        return right / total, wrong / total

    def path(
        self, right: np.ndarray, wrong: np.ndarray, times: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return correct and wrong mass at these steps, ``[times, grid]``, without labels."""
        if self.kind in ("odds", "none"):
            moved = self.moved(times)[:, None]
            return moved_odds(right[None], wrong[None], moved)
        rights, wrongs = [], []
        now = 0
        for time in times:
            while now < time:
                right, wrong = self.advance(right, wrong, now)
                now += 1
            rights.append(right)
            wrongs.append(wrong)
        return np.array(rights), np.array(wrongs)

    def moved(self, times: np.ndarray) -> np.ndarray:
        """Return by how much log odds have moved at these steps, ``[times]``; for odds and none."""
        if self.kind == "none":
            return np.zeros(len(times))
        return passed(times, self.ends) @ np.array(self.speed)

    def at(self, numbers: np.ndarray, labels: bool = False) -> Dynamics:
        """Return it with other numbers: speeds, and at the end log w where labels are bought."""
        if labels:
            return replace(
                self, speed=tuple(numbers[:-1].tolist()), label_weight=float(np.exp(numbers[-1]))
            )
        return replace(self, speed=tuple(numbers.tolist()))


def passed(times: np.ndarray, ends: tuple[int, ...]) -> np.ndarray:
    """Return how many steps of each block have passed at these times, ``[times, blocks]``.

    Example:
        >>> passed(np.array([0, 2, 5]), (3,)).tolist()
        [[0.0, 0.0], [2.0, 0.0], [3.0, 2.0]]
    """
    lows = np.array([0, *ends], float)
    highs = np.array([*ends, np.inf])
    return np.clip(times[:, None] - lows, 0.0, highs - lows)


def moved_odds(right: np.ndarray, wrong: np.ndarray, moved: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return masses whose odds are multiplied by e^moved."""
    up = right * np.exp(0.5 * np.asarray(moved))
    down = wrong * np.exp(-0.5 * np.asarray(moved))
    return up / (up + down), down / (up + down)
