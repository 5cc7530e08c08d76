"""The inverse problem: which attempts, votes and iterations reach an error, and at what price.

The population map of T4 with the majority's noise of T5, or its chain at so many visits,
iterated for every number of attempts and votes side by side. Per visit: k responses (or as many as
there are up to the first that is accepted), m looks at each, and a label where all k are rejected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from boostsim.theory.law import reached
from boostsim.theory.laws import attempts_floor, majority_noise, noisy_boosting
from boostsim.theory.walk import Groups, Settings, walked

# Of the numbers that the chains of a chunk of settings hold: it stays in a processor's cache.
CHUNK = 2**19


class Grid(NamedTuple):
    """Every number of votes by every number of attempts, an entry each.

    Attributes:
        votes, attempts: of each entry.
        iterations: the first T with an error of at most the target, up to rounding as in
            ``bs.laws.iterations_needed``; infinity where none was found.
        error: the error then, or where the search left it.
        lowest: the lowest error on the way, for no more than the most labels, up to the same
            rounding.
        labels: labels per visit until then.
        tried: responses per visit until then, where a visit stops at the first that is accepted.
    """

    votes: np.ndarray
    attempts: np.ndarray
    iterations: np.ndarray
    error: np.ndarray
    lowest: np.ndarray
    labels: np.ndarray
    tried: np.ndarray


# What has been spent so far: votes, attempts, labels, tried, iterations to a cost.
Price = Callable[..., np.ndarray]


def search(
    beta: float,
    gamma: float,
    groups: Groups,
    target: float,
    attempts: np.ndarray,
    votes: np.ndarray,
    most_iterations: int,
    visits: int | None = None,
    most_labels: float = np.inf,
    price: Price | None = None,
    times: float = np.inf,
) -> Grid:
    """Iterate boosting for all attempts and votes until the target is reached.

    Statement: with u = gamma_m + (1 - 2 gamma_m) e on a prompt, a visit costs u^k labels in
    expectation and e' = (1 - u^k) gamma_m e/(1 - u) + u^k (1 - beta) (T4), or at v visits the
    chain with that mean; the error is their mean over prompts. It is the first T at which the
    mean is at most the target that is found; the price of going on is never negative, so no later
    one is cheaper.

    Args:
        beta, gamma: of the labeler, and of one look of the filter.
        groups: the prompts by their first error.
        target: the mean error to reach.
        attempts, votes: the numbers to try.
        most_iterations: after which a setting is given up.
        visits: v, or None for the limit.
        most_labels: per visit; a setting that needs more, by more than rounding, is given up.
        price: of a setting so far: one that costs more than ``times`` the cheapest that was found
            is given up.
        times: see there.

    Example:
        >>> all_failed = Groups(np.array([1.0]), np.array([1.0]))
        >>> grid = search(0.5, 0.0, all_failed, 0.3, np.array([1]), np.array([1]), 10)
        >>> grid.iterations.item(), grid.labels.item()
        (2.0, 1.5)
    """
    looks, tries = (each.ravel() for each in np.meshgrid(votes, attempts, indexing="ij"))
    noise = np.repeat([noise_of(gamma, int(m)) for m in votes], len(attempts))
    size = len(looks)
    parts = 1 if visits is not None else len(groups.weights)
    iterations, error, lowest = np.full((3, size), np.inf)
    labels, tried = np.zeros((2, size, parts))
    # The cheap ones first: what is dear is given up the sooner.
    order = np.argsort(looks * tries, kind="stable")
    each = size if visits is None else max(1, CHUNK // (visits + 1) ** 2)
    least = np.inf
    for chosen in np.split(order, range(each, size, each)):
        settings = Settings(np.full(len(chosen), beta), noise[chosen], tries[chosen])
        walk = walked(settings, groups, visits)
        going = np.ones(len(chosen), bool)
        for passed in range(most_iterations + 1):
            mean = walk.error
            spent = [so_far[chosen] @ walk.weights for so_far in (labels, tried)]
            going &= reached(spent[0], most_labels)
            error[chosen[going]] = mean[going]
            lowest[chosen[going]] = np.minimum(lowest[chosen], mean)[going]
            there = going & reached(mean, target)
            iterations[chosen[there]] = passed
            going &= ~there & ~walk.resting
            if price is not None:
                costs = price(looks[chosen], tries[chosen], *spent, passed)
                least = min(least, np.min(costs, where=there, initial=np.inf))
                going &= costs <= times * least
            if not going.any() or passed == most_iterations:
                break
            if 2 * going.sum() < len(chosen):
                walk.keep(going)
                chosen, going = chosen[going], going[going]
            asked, made = walk.advance()
            labels[chosen[going]] += asked[going]
            tried[chosen[going]] += made[going]
    spent = [so_far @ walk.weights for so_far in (labels, tried)]
    return Grid(looks, tries, iterations, error, lowest, *spent)


class Followed(NamedTuple):
    """Where settings stand after so many iterations: error, and spent so far per visit."""

    error: np.ndarray
    labels: np.ndarray
    tried: np.ndarray


def follow(
    settings: Settings, groups: Groups, iterations: int, visits: int | None = None
) -> Followed:
    """Return where settings lead in so many iterations, in the limit or at so many visits.

    Example:
        >>> one = Settings(np.array([0.2]), np.array([0.1]), np.array([8]))
        >>> helpless = Groups(np.array([0.7, 0.3]), np.array([1.0, 0.0]))
        >>> errors = [follow(one, helpless, 5, v).error.item() for v in (1, 4, 10, None)]
        >>> [round(error, 4) for error in errors]
        [0.4463, 0.1789, 0.0443, 0.0015]
    """
    walk = walked(settings, groups, visits)
    labels, tried = np.zeros((2, len(settings.beta), len(walk.weights)))
    for _ in range(iterations):
        asked, made = walk.advance()
        labels, tried = labels + asked, tried + made
    return Followed(walk.error, labels @ walk.weights, tried @ walk.weights)


def noise_of(gamma: float, votes: int) -> float:
    """Return the noise of so many votes; a filter that errs more often than not errs the more.

    Example:
        >>> [round(noise_of(gamma, 3), 6) for gamma in (0.1, 0.5, 0.9)]
        [0.028, 0.5, 0.972]
    """
    if votes == 1 or gamma == 0.5:
        return gamma
    noise = float(majority_noise(gamma=min(gamma, 1.0 - gamma), votes=votes))
    return noise if gamma < 0.5 else 1.0 - noise


def best_limit(beta: float, gamma: float, attempts: int, votes: int) -> float:
    """Return the limit error at the most attempts and votes: no plan within them does better.

    Example:
        >>> round(best_limit(beta=0.5, gamma=0.1, attempts=1, votes=1), 6)
        0.1
    """
    noise = noise_of(gamma, votes)
    if beta == 0.0 or beta == noise == 1.0:
        return float("nan")
    if noise < 0.5:
        return float(attempts_floor(beta=beta, gamma=noise, attempts=attempts))
    return float(noisy_boosting(beta=beta, gamma=noise).floor)
