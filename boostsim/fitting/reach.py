"""How far a fitted number may be off: as far as the log does not become so many nats less likely.

An interval by standard errors ends too soon where the likelihood falls off slowly, as that of a
speed does on the side where all prompts would be solved. The other numbers move along by the
information's regression, or stay, whichever is likelier, and the mixture is the most likely one.
"""

from __future__ import annotations

import numpy as np

from boostsim.fitting.climb import Curvature
from boostsim.fitting.likelihood import Problem
from boostsim.fitting.mixture import fitted
from boostsim.fitting.world import bounds

# An end that is too near goes on by factors in these bounds, so often at most.
LEAST_FACTOR, MOST_FACTOR, FACTORS = 1.05, 2.0, 20
# Nats by which a mixture may fall short there.
LOOSE = 0.01


def reach(
    problem: Problem,
    numbers: np.ndarray,
    mixture: np.ndarray,
    information: np.ndarray,
    place: int,
    first: float,
    nats: float,
    most: float,
) -> float:
    """Return by how much a number may move, in one direction.

    Args:
        problem: what was fitted.
        numbers: the most likely ones, ``[numbers]``.
        mixture: the most likely one beside them, ``[grid]``.
        information: minus the second derivatives there, ``[numbers, numbers]``.
        place: which number moves.
        first: a move, positive or negative, whose end is always within reach.
        nats: by which the log may become less likely.
        most: what a move has to stay below, in size.

    Returns:
        A move of the sign of the first one; infinite where the log is likely up to the most, or no
        end was found.
    """
    others = np.flatnonzero(np.arange(len(numbers)) != place)
    along = np.zeros(len(numbers))
    along[place] = 1.0
    ways = [along]
    if len(others):
        inner = np.linalg.pinv(information[np.ix_(others, others)], rcond=1e-12, hermitian=True)
        moved = along.copy()
        moved[others] = -inner @ information[others, place]
        ways.append(moved)
    best = fitted(problem.likelihoods(numbers), problem.weights, mixture).log_likelihood
    low, high = bounds(problem)
    move = first
    for _ in range(FACTORS):
        if abs(move) >= most:
            return float(np.copysign(np.inf, first))
        there = [problem.likelihoods(np.clip(numbers + move * way, low, high)) for way in ways]
        worth = [fitted(each, problem.weights, mixture, gap=LOOSE) for each in there]
        fall = best - max(each.log_likelihood for each in worth)
        if fall >= nats:
            return move
        far = fall * MOST_FACTOR**2 <= nats
        move *= MOST_FACTOR if far else max(float(np.sqrt(nats / fall)), LEAST_FACTOR)
    return float(np.copysign(np.inf, first))


def errors(
    problem: Problem, numbers: np.ndarray, mixture: np.ndarray, bent: Curvature
) -> tuple[np.ndarray, np.ndarray]:
    """Return what scores move the numbers by, and the covariance where the model holds.

    Both are the information's inverse, unless it bends the wrong way, as where small weights of the
    mixture would have to be negative for it. There standard errors are moves by which the log
    becomes half a nat less likely, and correlations those of the inverse of the scores' outer
    product.

    Args:
        problem, numbers, mixture: see :func:`reach`.
        bent: the curvature there.

    Returns:
        M, so that errors are the sum of scores M, and the covariance, ``[numbers, numbers]`` each.
    """
    information = bent.positive(problem.weights)
    inverse = np.linalg.pinv(information, rcond=1e-12, hermitian=True)
    if np.array_equal(information, bent.information):
        return inverse, inverse
    low, high = bounds(problem)
    found = []
    for place, value in enumerate(numbers):
        small = 1e-4 * float(high[place] - low[place])
        room = float(high[place] - value), float(value - low[place])
        moves = [
            min(abs(reach(problem, numbers, mixture, information, place, side, 0.5, most)), most)
            for side, most in zip((small, -small), room, strict=True)
        ]
        found.append(sum(moves) / 2.0)
    wider = np.array(found) / np.sqrt(np.maximum(inverse.diagonal(), np.finfo(float).tiny))
    return inverse * wider, wider[:, None] * inverse * wider
