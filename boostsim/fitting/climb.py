"""The numbers of a dynamics that make a log's likelihood largest, the mixture found beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from boostsim.fitting.likelihood import Problem
from boostsim.fitting.mixture import Likelihoods, Mixture, fitted, slices

CLIMB = 60
# Nats that a step has to promise, and what of a mixture's weight is none.
TOLERANCE = 1e-4
SUPPORT = 1e-7


@dataclass(frozen=True, eq=False)
class Curvature:
    """How the likelihood bends in a dynamics' numbers, the mixture moving with them.

    Attributes:
        scores: of each history, ``[histories, numbers]``, free of what the mixture would take up:
            less their regression on its own scores L_ig/f_i - 1.
        information: minus the second derivatives of the log-likelihood at the most likely mixture,
            ``[numbers, numbers]``.
        load: what a move of the mixture's scores does to those of the numbers,
            ``[grid, numbers]``, 0 where the mixture has no weight.
        sums: of the scores as they are, ``[numbers]``, and of the mixture's, ``[grid]``.
    """

    scores: np.ndarray
    information: np.ndarray
    load: np.ndarray
    sums: tuple[np.ndarray, np.ndarray]

    def positive(self, weights: np.ndarray, free: np.ndarray | None = None) -> np.ndarray:
        """Return the information, or where it bends the wrong way the scores' outer product.

        It does so where a mixture's small weights would have to be negative.

        Args:
            weights: of each history, ``[histories]``.
            free: which numbers it is wanted of, ``[numbers]``; all where None.
        """
        every = np.ones(len(self.information), bool) if free is None else free
        inside = np.ix_(every, every)
        information = self.information[inside]
        if not every.any() or np.linalg.eigvalsh(information).min() <= 0.0:
            information = ((self.scores * weights[:, None]).T @ self.scores)[inside]
        return information


def curvature(
    problem: Problem, numbers: np.ndarray, likelihoods: Likelihoods, mixture: np.ndarray
) -> Curvature:
    """Return scores and information at a mixture that is the most likely one there."""
    many = len(numbers)
    weights = problem.weights
    support = np.flatnonzero(mixture > SUPPORT)
    scores = np.zeros((len(weights), many))
    bend = np.zeros((many, many))
    cross, inner = np.zeros((len(support), many)), np.zeros((len(support), len(support)))
    slopes = problem.slopes(numbers)
    for part in slices(len(weights), len(mixture)):
        values = likelihoods.values[part]
        ratio = values / (values @ mixture)[:, None]
        posterior = ratio * mixture
        first, second = slopes(part)
        for one in range(many):
            own = (posterior * first[one]).sum(1)
            scores[part, one] = own
            held = first[one][:, support] - own[:, None]
            cross[:, one] += weights[part] @ (ratio[:, support] * held)
        for one in range(many):
            for other in range(many):
                inside = (posterior * (second(one, other) + first[one] * first[other])).sum(1)
                bend[one, other] += weights[part] @ (
                    scores[part, one] * scores[part, other] - inside
                )
        own = ratio[:, support] - 1.0
        inner += (own * weights[part][:, None]).T @ own
    inverse = np.linalg.pinv(inner, rcond=1e-9, hermitian=True)
    load = inverse @ cross
    own_sum, mixture_sum = weights @ scores, np.zeros(len(mixture))
    for part in slices(len(weights), len(mixture)):
        values = likelihoods.values[part]
        own = values[:, support] / (values @ mixture)[:, None] - 1.0
        scores[part] += own @ load
        mixture_sum[support] += weights[part] @ own
    everywhere = np.zeros((len(mixture), many))
    everywhere[support] = load
    return Curvature(scores, bend - cross.T @ load, everywhere, (own_sum, mixture_sum))


def maximum(
    problem: Problem,
    numbers: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    begin: np.ndarray | None = None,
) -> tuple[np.ndarray, Mixture]:
    """Return the numbers within bounds, and the mixture, that make the likelihood largest.

    Newton's steps, by the scores' outer product where the likelihood bends the wrong way, each
    halved until the likelihood with the best mixture there has risen.
    """
    likelihoods = problem.likelihoods(numbers)
    mixture = fitted(likelihoods, problem.weights, begin)
    for _ in range(CLIMB if len(numbers) else 0):
        bent = curvature(problem, numbers, likelihoods, mixture.weights)
        slope = problem.weights @ bent.scores
        # At a bound only steps inwards are open.
        free = ~((numbers <= low) & (slope < 0.0) | (numbers >= high) & (slope > 0.0))
        step = np.zeros(len(numbers))
        step[free] = _step(bent, problem.weights, slope, free)
        promised = float(slope @ step)
        if promised < 2.0 * TOLERANCE:
            break
        step *= min(1.0, 0.25 / np.max(np.abs(step) / (high - low)))
        size = 1.0
        while size > 1e-3:
            candidate = np.clip(numbers + size * step, low, high)
            tried = problem.likelihoods(candidate)
            found = fitted(tried, problem.weights, mixture.weights)
            if found.log_likelihood + found.gap > mixture.log_likelihood + 0.1 * size * promised:
                break
            size *= 0.5
        else:
            break
        numbers, likelihoods, mixture = candidate, tried, found
    return numbers, mixture


def _step(bent: Curvature, weights: np.ndarray, slope: np.ndarray, free: np.ndarray) -> np.ndarray:
    information = bent.positive(weights, free)
    return np.linalg.pinv(information, rcond=1e-12, hermitian=True) @ slope[free]
