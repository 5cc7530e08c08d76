"""The likelihood of a log at grid points, and the numbers of a dynamics that make it largest.

Of a prompt of first correct mass p the log shows, whatever its stopping rule looked at,
prod_t A_t^accepted (1 - A_t)^(attempts - accepted) with A_t = a0 + (a1 - a0) p_t: attempts that
stop at the first success need no other kernel, and J/k is plugged in nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import expit

from boostsim.fitting.dynamics import LEAST, Dynamics, moved_odds
from boostsim.fitting.histories import Histories
from boostsim.fitting.mixture import Likelihoods, scaled, slices

Differences = tuple[list[np.ndarray], dict[tuple[int, int], np.ndarray]]
Sloped = tuple[list[np.ndarray], Callable[[int, int], np.ndarray]]
Slopes = Callable[[slice], Sloped]
POINTS = 60
MOST_POINTS = 100
# Of log odds over the whole log: second differences lose 1e-16/SMALL^2, first ones SMALL^2.
SMALL = 3e-4


def grid(counts: Histories, further: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return first correct masses and 1 minus them: exactly 0 and 1, and points even in logit.

    They reach as far as a prompt with the most attempts can tell from 0 and 1, and lie as close as
    it can tell them apart, 60 to 100 of them.

    Args:
        counts: the log's.
        further: in logits, by how much more they reach, as close to one another.
    """
    most = float(counts.attempts.sum(1).max())
    reach = float(np.log(4.0 * max(most, 50.0)))
    points = int(np.clip(np.ceil(2.0 * reach * np.sqrt(most) / 2.0), POINTS, MOST_POINTS))
    points, reach = int(np.ceil(points * (1.0 + further / reach))), reach + further
    logits = np.linspace(-reach, reach, points)
    right = np.concatenate([[0.0], expit(logits), [1.0]])
    wrong = np.concatenate([[1.0], expit(-logits), [0.0]])
    return right, wrong


@dataclass(frozen=True, eq=False)
class Problem:
    """A log, a grid, and a kind of dynamics: what its numbers are fitted to.

    Attributes:
        counts: the log's.
        weights: of each history, ``[histories]``.
        right, wrong: the grid's correct mass, and 1 minus it, ``[grid]``.
        dynamics: the kind, with what is not fitted.
        center: steps of each block, ``[blocks]``, after which a prompt has the grid's mass, for
            odds: in the middle of the log what a prompt is and how fast it moves are told apart,
            and a coarse grid does no harm to the speed. 0 where None: the grid is the beginning.
    """

    counts: Histories
    weights: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    dynamics: Dynamics
    center: np.ndarray | None = None

    @cached_property
    def labelled(self) -> bool:
        """Whether labels were bought, so that prompts move in ways of their own."""
        return self.counts.labels is not None

    @property
    def numbers(self) -> np.ndarray:
        """The dynamics' numbers."""
        own = list(self.dynamics.speed)
        return np.array(own + [np.log(self.dynamics.label_weight)] * self.labelled)

    def filtered(self, accept: tuple[float, float]) -> Problem:
        """Return it with another filter's rates."""
        return replace(self, dynamics=replace(self.dynamics, accept=accept))

    def start(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the correct mass at the first iteration, and 1 minus it, ``[grid]``."""
        if self.center is None:
            return self.right, self.wrong
        return moved_odds(self.right, self.wrong, -self.center @ numbers[: len(self.center)])

    def tables(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log A and log (1 - A), ``[times, grid]``: of a log without labels."""
        moving = self.dynamics.at(numbers)
        return _logs(moving, *moving.path(*self.start(numbers), self.counts.times))

    def logs(self, numbers: np.ndarray, part: slice | None = None) -> np.ndarray:
        """Return log-likelihoods ``[histories, grid]``."""
        rows = slice(None) if part is None else part
        accepted = self.counts.accepted[rows]
        rejected = self.counts.attempts[rows] - accepted
        if not self.labelled:
            yes, no = self.tables(numbers)
            return accepted @ yes + rejected @ no
        assert self.counts.labels is not None
        labels = self.counts.labels[rows]
        moving = self.dynamics.at(numbers, labels=True)
        right, wrong = (np.tile(each, (len(labels), 1)) for each in self.start(numbers))
        found = np.zeros(right.shape)
        now = 0
        for place, time in enumerate(self.counts.times):
            while now < time:
                bought = labels[:, place - 1, None] if now == self.counts.times[place - 1] else 0.0
                right, wrong = moving.advance(right, wrong, now, bought)
                now += 1
            yes, no = _logs(moving, right, wrong)
            found += accepted[:, place, None] * yes + rejected[:, place, None] * no
        return found

    def likelihoods(self, numbers: np.ndarray) -> Likelihoods:
        """Return the likelihoods of all histories."""
        parts = slices(len(self.weights), len(self.right))
        if len(parts) == 1:
            return scaled(self.logs(numbers))
        values = np.empty((len(self.weights), len(self.right)))
        scale = np.empty(len(self.weights))
        for part in parts:
            found = scaled(self.logs(numbers, part))
            values[part], scale[part] = found.values, found.scale
        return Likelihoods(values, scale)

    def slopes(self, numbers: np.ndarray) -> Slopes:
        """Return what gives the derivatives of the log-likelihoods of a slice of histories.

        Returns:
            A function of a slice; it returns the first derivatives, ``[histories, grid]`` for each
            number, and a function of two numbers for the second ones.
        """
        steps = self.small_steps(numbers)
        many = len(numbers)

        def differences(at: Callable[[np.ndarray], np.ndarray]) -> Differences:
            here = at(numbers)
            up = [at(numbers + step) for step in steps]
            down = [at(numbers - step) for step in steps]
            widths = steps.diagonal()
            first = [(up[one] - down[one]) / (2.0 * widths[one]) for one in range(many)]
            second = {
                (one, one): (up[one] - 2.0 * here + down[one]) / widths[one] ** 2
                for one in range(many)
            }
            for one in range(many):
                for other in range(one):
                    both = steps[one] + steps[other]
                    ends = at(numbers + both) + at(numbers - both) + 2.0 * here
                    ends = ends - up[one] - down[one] - up[other] - down[other]
                    second[one, other] = ends / (2.0 * widths[one] * widths[other])
                    second[other, one] = second[one, other]
            return first, second

        if self.labelled:

            def of_labelled(part: slice) -> Sloped:
                first, second = differences(lambda at: self.logs(at, part))
                return first, lambda one, other: second[one, other]

            return of_labelled
        yes = differences(lambda at: self.tables(at)[0])
        no = differences(lambda at: self.tables(at)[1])

        def of_tables(part: slice) -> Sloped:
            accepted = self.counts.accepted[part]
            rejected = self.counts.attempts[part] - accepted
            first = [accepted @ one + rejected @ other for one, other in zip(yes[0], no[0])]
            return first, lambda *pair: accepted @ yes[1][pair] + rejected @ no[1][pair]

        return of_tables

    def small_steps(self, numbers: np.ndarray) -> np.ndarray:
        """Return steps for differences, one a row: of numbers that move log odds over the span."""
        size = np.full(len(numbers), SMALL / max(self.counts.span, 1))
        if self.labelled:
            size[-1] = SMALL
        return np.diag(size)


def _logs(
    dynamics: Dynamics, right: np.ndarray, wrong: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    one, other = dynamics.accept
    yes = one * right + other * wrong
    no = (1.0 - one) * right + (1.0 - other) * wrong
    return np.log(np.maximum(yes, LEAST)), np.log(np.maximum(no, LEAST))
