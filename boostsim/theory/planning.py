"""The inverse problem: which attempts, votes and iterations reach an error, and at what price.

The population map of T4 with the majority's noise of T5, iterated for every number of attempts and
votes side by side. Per prompt and iteration: one visit, k responses (or as many as there are up to
the first that is accepted), m looks at each, and a label where all k are rejected.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from boostsim.theory.law import reached
from boostsim.theory.laws import attempts_floor, majority_noise, noisy_boosting


class Groups(NamedTuple):
    """Prompts by their first error: the groups' weights and errors."""

    weights: np.ndarray
    errors: np.ndarray


class Grid(NamedTuple):
    """Every number of votes by every number of attempts, ``[votes, attempts]``.

    Attributes:
        votes, attempts: of each entry.
        iterations: the first T with an error of at most the target, up to rounding as in
            ``bs.laws.iterations_needed``; infinity where there is none.
        error: the error then, or after the last iteration.
        lowest: the lowest error on the way.
        labels: labels per prompt until then.
        tried: responses per prompt until then, where a visit stops at the first that is accepted.
    """

    votes: np.ndarray
    attempts: np.ndarray
    iterations: np.ndarray
    error: np.ndarray
    lowest: np.ndarray
    labels: np.ndarray
    tried: np.ndarray


def search(
    beta: float,
    gamma: float,
    groups: Groups,
    target: float,
    attempts: np.ndarray,
    votes: np.ndarray,
    most_iterations: int,
) -> Grid:
    """Iterate boosting for all attempts and votes until the target is reached.

    Statement: with u = gamma_m + (1 - 2 gamma_m) e on a prompt, a visit costs u^k labels in
    expectation and e' = (1 - u^k) gamma_m e/(1 - u) + u^k (1 - beta) (T4); the error is their mean
    over prompts. It is the first T at which the mean is at most the target that is found; the price
    of going on is never negative, so no later one is cheaper.

    Example:
        >>> all_failed = Groups(np.array([1.0]), np.array([1.0]))
        >>> grid = search(0.5, 0.0, all_failed, 0.3, np.array([1]), np.array([1]), 10)
        >>> grid.iterations.item(), grid.labels.item()
        (2.0, 1.5)
    """
    noise = np.array([_noise(gamma, int(m)) for m in votes])
    shape = len(votes), len(attempts), len(groups.errors)
    power = np.broadcast_to(np.asarray(attempts)[None, :, None], shape)
    flaw = np.broadcast_to(noise[:, None, None], shape)
    # Right and wrong mass side by side: from 1 - e a rounding error would grow into a solution.
    error = np.broadcast_to(groups.errors, shape).copy()
    right = 1.0 - error
    labels, tried = np.zeros(shape), np.zeros(shape)
    iterations = np.full(shape[:2], np.inf)
    lowest = np.full(shape[:2], np.inf)
    for passed in range(most_iterations + 1):
        mean = error @ groups.weights
        lowest = np.minimum(lowest, mean)
        iterations[reached(mean, target) & np.isinf(iterations)] = passed
        going = np.isinf(iterations)
        if not going.any() or passed == most_iterations:
            break
        before, known = error[going], right[going]
        right[going], error[going], asked, made = _iteration(
            known, before, flaw[going], power[going], beta
        )
        labels[going] += asked
        tried[going] += made
        if np.array_equal(before, error[going]) and np.array_equal(known, right[going]):
            break
    return Grid(
        votes=np.broadcast_to(np.asarray(votes)[:, None], shape[:2]),
        attempts=np.broadcast_to(np.asarray(attempts)[None, :], shape[:2]),
        iterations=iterations,
        error=error @ groups.weights,
        lowest=lowest,
        labels=labels @ groups.weights,
        tried=tried @ groups.weights,
    )


def _iteration(
    right: np.ndarray, wrong: np.ndarray, noise: np.ndarray, attempts: np.ndarray, beta: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the next right and wrong mass, the labels per visit, and the attempts of one that
    stops at the first accepted."""
    passed, slipped = (1.0 - noise) * right, noise * wrong
    accepted = passed + slipped
    rejected = noise * right + (1.0 - noise) * wrong
    with np.errstate(divide="ignore"):
        log_rejected = np.where(
            accepted < 0.5, np.log1p(-np.minimum(accepted, 0.5)), np.log(rejected)
        )
    failed = np.exp(attempts * log_rejected)
    gain = -np.expm1(attempts * log_rejected) / np.where(accepted > 0.0, accepted, 1.0)
    right, wrong = gain * passed + failed * beta, gain * slipped + failed * (1.0 - beta)
    return right, wrong, failed, np.where(accepted > 0.0, gain, attempts)


def _noise(gamma: float, votes: int) -> float:
    return gamma if votes == 1 else float(majority_noise(gamma=gamma, votes=votes))


def best_limit(beta: float, gamma: float, attempts: int, votes: int) -> float:
    """Return the limit error at the most attempts and votes: no plan within them does better.

    Example:
        >>> round(best_limit(beta=0.5, gamma=0.1, attempts=1, votes=1), 6)
        0.1
    """
    noise = _noise(gamma, votes)
    if beta == 0.0 or beta == noise == 1.0:
        return float("nan")
    if noise < 0.5:
        return float(attempts_floor(beta=beta, gamma=noise, attempts=attempts))
    return float(noisy_boosting(beta=beta, gamma=noise).floor)
