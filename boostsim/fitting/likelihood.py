"""The likelihood of a log at grid points, and the numbers of a dynamics that make it largest.

Of a prompt of first correct mass p the log shows, whatever its stopping rule looked at,
prod_t A_t^accepted (1 - A_t)^(attempts - accepted) with A_t = a0 + (a1 - a0) p_t: attempts that
stop at the first success need no other kernel, and J/k is plugged in nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from boostsim.fitting.dynamics import LEAST, Dynamics, moved_odds
from boostsim.fitting.histories import Histories
from boostsim.fitting.mixture import Likelihoods, Mixture, fitted, scaled, slices

POINTS = 60
MOST_POINTS = 100
CLIMB = 60
# Nats that a step has to promise, and what of a mixture's weight is none.
TOLERANCE = 1e-4
SUPPORT = 1e-7


def grid(counts: Histories) -> tuple[np.ndarray, np.ndarray]:
    """Return first correct masses and 1 minus them: exactly 0 and 1, and points even in logit.

    They reach as far as a prompt with the most attempts can tell from 0 and 1, and lie as close as
    it can tell them apart, 60 to 100 of them.
    """
    most = float(counts.attempts.sum(1).max())
    reach = float(np.log(4.0 * max(most, 50.0)))
    points = int(np.clip(np.ceil(2.0 * reach * np.sqrt(most) / 2.0), POINTS, MOST_POINTS))
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

    def scores(
        self, numbers: np.ndarray, likelihoods: Likelihoods, mixture: np.ndarray
    ) -> np.ndarray:
        """Return the scores of the numbers, the mixture given, ``[histories, numbers]``."""
        many = len(numbers)
        found = np.zeros((len(self.weights), many))
        steps = self.small_steps(numbers)
        if not self.labelled:
            ends = [
                (self.tables(numbers + steps[place]), self.tables(numbers - steps[place]))
                for place in range(many)
            ]
        for part in slices(len(self.weights), len(self.right)):
            ratio = likelihoods.values[part]
            ratio = ratio / (ratio @ mixture)[:, None]
            for place in range(many):
                width = 2.0 * steps[place, place]
                if self.labelled:
                    up, down = (
                        self.logs(numbers + sign * steps[place], part) for sign in (1.0, -1.0)
                    )
                    slope = (up - down) / width
                else:
                    (yes, no), (yes_down, no_down) = ends[place]
                    accepted = self.counts.accepted[part]
                    slope = accepted @ ((yes - yes_down) / width)
                    slope += (self.counts.attempts[part] - accepted) @ ((no - no_down) / width)
                found[part, place] = (ratio * slope) @ mixture
        return found

    def small_steps(self, numbers: np.ndarray) -> np.ndarray:
        """Return steps for differences, one a row: of numbers that move log odds over the span."""
        size = np.full(len(numbers), 1e-4 / max(self.counts.span, 1))
        if self.labelled:
            size[-1] = 1e-4
        return np.diag(size)


def _logs(
    dynamics: Dynamics, right: np.ndarray, wrong: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    one, other = dynamics.accept
    yes = one * right + other * wrong
    no = (1.0 - one) * right + (1.0 - other) * wrong
    return np.log(np.maximum(yes, LEAST)), np.log(np.maximum(no, LEAST))


def maximum(
    problem: Problem,
    numbers: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    begin: np.ndarray | None = None,
) -> tuple[np.ndarray, Mixture]:
    """Return the numbers within bounds, and the mixture, that make the likelihood largest.

    Each step goes along the scores, made free of the mixture's, by their own outer product (BHHH),
    and is halved until the likelihood with the best mixture there has risen.
    """
    likelihoods = problem.likelihoods(numbers)
    mixture = fitted(likelihoods, problem.weights, begin)
    for _ in range(CLIMB if len(numbers) else 0):
        scores, information = _efficient(problem, numbers, likelihoods, mixture.weights)
        slope = problem.weights @ scores
        # At a bound only steps inwards are open.
        open_ = ~((numbers <= low) & (slope < 0.0) | (numbers >= high) & (slope > 0.0))
        step = np.zeros(len(numbers))
        step[open_] = np.linalg.pinv(information[np.ix_(open_, open_)], rcond=1e-10) @ slope[open_]
        promised = float(slope @ step)
        if promised < 2.0 * TOLERANCE:
            break
        step *= min(1.0, 0.25 / np.max(np.abs(step) / (high - low)))
        size = 1.0
        while size > 1e-4:
            candidate = np.clip(numbers + size * step, low, high)
            tried = problem.likelihoods(candidate)
            found = fitted(tried, problem.weights, mixture.weights)
            if found.log_likelihood > mixture.log_likelihood + 1e-4 * size * promised - found.gap:
                break
            size *= 0.5
        else:
            break
        numbers, likelihoods, mixture = candidate, tried, found
    return numbers, mixture


def _efficient(
    problem: Problem, numbers: np.ndarray, likelihoods: Likelihoods, mixture: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores free of what the mixture would take up, and the sum of their outer products.

    Returns:
        ``[histories, numbers]``: each score less its projection on the mixture's scores
        L_ig/f_i - 1, as the mixture that is the most likely at each value of the numbers moves with
        them; and sum_i w_i s_i s_i', ``[numbers, numbers]``.
    """
    scores = problem.scores(numbers, likelihoods, mixture)
    support = np.flatnonzero(mixture > SUPPORT)
    many = len(support)
    cross, inner = np.zeros((many, scores.shape[1])), np.zeros((many, many))
    parts = slices(len(problem.weights), len(mixture))
    denominators = likelihoods.values @ mixture
    for part in parts:
        ratio = likelihoods.values[part][:, support] / denominators[part][:, None] - 1.0
        weighed = ratio * problem.weights[part][:, None]
        cross += weighed.T @ scores[part]
        inner += weighed.T @ ratio
    load = np.linalg.pinv(inner, rcond=1e-9, hermitian=True) @ cross
    for part in parts:
        ratio = likelihoods.values[part][:, support] / denominators[part][:, None] - 1.0
        scores[part] -= ratio @ load
    return scores, (scores * problem.weights[:, None]).T @ scores
