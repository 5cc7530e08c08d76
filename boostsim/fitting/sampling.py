"""Which prompts are labelled, drawn so that every prompt's chance is known and above 0.

A plan that always labels the same prompts can never be replayed: what another plan would have
bought is not in its log. So each prompt x has a probability pi_x > 0 of being labelled, which is
written down, and sums over all prompts are estimated from the labelled ones alone (Horvitz and
Thompson 1952): sum_{labelled} y_x/pi_x has expectation sum_x y_x.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from boostsim.curation.allocation import label_probability
from boostsim.mode import fixed

# Priorities that differ by less, relative to the largest, tie: rounding makes no order.
SAME = 1e-12


def inclusion(
    priority: np.ndarray, budget: float, exploration: float, allocation: str = "ranked"
) -> np.ndarray:
    """Return the probability with which each prompt is labelled, ``[prompts]``.

    With n prompts and b = min(budget, n) every prompt has floor = exploration b/n; the rest of the
    budget is allocated by priority (:mod:`boostsim.curation.allocation`), up to 1 each. Ranked, it
    is the solution of a linear programme: sum_x pi_x priority_x is the largest that sum_x pi_x <= b
    and floor <= pi_x <= 1 allow. A prompt whose priority is not above 0 keeps the floor, so less
    than the budget is spent where few have one.

    Args:
        priority: of each prompt, ``[prompts]``; what is negative counts as 0.
        budget: most labels in expectation, above 0.
        exploration: share of the budget that is spread evenly, in [0, 1].
        allocation: ``"ranked"`` or ``"proportional"``.

    Example:
        >>> inclusion(np.array([3.0, 1.0, 1.0, -1.0]), 2.0, 0.5).tolist()
        [1.0, 0.375, 0.375, 0.25]
    """
    prompts = len(priority)
    budget = min(float(budget), float(prompts))
    floor = exploration * budget / prompts
    if floor == 1.0:
        return np.ones(prompts)
    largest = float(priority.max(initial=0.0))
    unit = largest * SAME if largest > 0.0 else 1.0
    relative = np.maximum(np.round(priority / unit), 0.0)
    left = (budget - prompts * floor) / (prompts * (1.0 - floor))
    with fixed(double=True):
        share = label_probability(
            jnp.asarray(relative), jnp.full(prompts, 1.0 / prompts), jnp.asarray(left), allocation
        )
    return floor + (1.0 - floor) * np.asarray(share)


def systematic(probability: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return who is drawn, ``[prompts]`` of bool: each with its probability.

    Systematic sampling in random order (Madow 1949; Hartley and Rao 1962): the probabilities are
    laid end to end in a random order, and who holds one of the points u, u + 1, u + 2, ... is
    drawn, u uniform in [0, 1). So as many are drawn as the probabilities sum to, or one of the two
    whole numbers next to that. A probability of 1 is always drawn.

    Args:
        probability: of each prompt, in [0, 1].
        random: where u and the order come from.

    Example:
        >>> drawn = systematic(np.array([1.0, 0.5, 0.25, 0.25]), np.random.default_rng(0))
        >>> int(drawn.sum()), bool(drawn[0])
        (2, True)
    """
    drawn = probability >= 1.0
    order = random.permutation(np.flatnonzero(~drawn))
    ends = np.concatenate([[0.0], np.cumsum(probability[order])])
    # A sum that is whole but for rounding draws exactly so many.
    if abs(ends[-1] - np.round(ends[-1])) < 1e-9 * len(ends) and ends[-1] > 0.5:
        ends[-1] = np.round(ends[-1])
    drawn[order] = np.diff(np.ceil(ends - random.random())) > 0.0
    return drawn
