"""What independent visits add up to: laws of sums of small whole vectors, without subtraction.

Every law here is a sum of products of terms of at least zero, so a probability of 1e-200 keeps its
relative accuracy. The last axis runs over models (rows of a table): each has its own law, on the
same points.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def binomials(
    trials: int, right: Float[np.ndarray, "models"], wrong: Float[np.ndarray, "models"]
) -> Float[np.ndarray, "counts models"]:
    """Return P(Z = 0), ..., P(Z = n) for Z of Binomial(n, right/(right + wrong)).

    Ratios of neighbours multiply up outwards from the mode, and the sum is divided out: relative
    errors are at most some eps for each step from the mode, and each law sums to one.

    Example:
        >>> binomials(2, np.array([1.0, 0.0]), np.array([3.0, 1.0])).T
        array([[0.5625, 0.375 , 0.0625],
               [1.    , 0.    , 0.    ]])
    """
    if trials == 0:
        return np.ones((1, len(right)))
    whole = right + wrong
    mode = np.minimum((trials + 1) * (right / np.where(whole > 0.0, whole, 1.0)) // 1, trials)
    count = np.arange(trials, dtype=float)[:, None]
    with np.errstate(over="ignore"):
        # What is beyond floats lies on the other side of the mode, where it is not asked for.
        odds = right / np.where(wrong > 0.0, wrong, 1.0)
        against = wrong / np.where(right > 0.0, right, 1.0)
        up = np.where(count >= mode, (trials - count) / (count + 1.0) * odds, 1.0)
        down = np.where(count < mode, (count + 1.0) / (trials - count) * against, 1.0)
    law = np.ones((trials + 1, len(right)))
    np.cumprod(up, axis=0, out=law[1:])
    law[:-1] *= np.cumprod(down[::-1], axis=0)[::-1]
    law /= law.sum(axis=0)
    return law


def composed(trials: int, kinds: int) -> Int[np.ndarray, "points kinds"]:
    """Return all ways in which so many trials fall into kinds, in the order of their laws.

    Example:
        >>> composed(2, 2).tolist()
        [[0, 2], [1, 1], [2, 0]]
    """
    if kinds == 1:
        return np.array([[trials]])
    parts = []
    for count in range(trials + 1):
        rest = composed(trials - count, kinds - 1)
        parts.append(np.column_stack([np.full(len(rest), count), rest]))
    return np.concatenate(parts)


def multinomials(
    trials: int, probability: Float[np.ndarray, "kinds models"]
) -> Float[np.ndarray, "points models"]:
    """Return the law of the counts of independent trials, on the points of :func:`composed`.

    Example:
        >>> multinomials(1, np.array([[0.25], [0.5], [0.25]])).T
        array([[0.25, 0.5 , 0.25]])
    """
    kinds, models = probability.shape
    rest = np.zeros_like(probability)
    for kind in reversed(range(kinds - 1)):
        rest[kind] = rest[kind + 1] + probability[kind + 1]
    known: dict[tuple[int, int], np.ndarray] = {}

    def law(count: int, kind: int) -> np.ndarray:
        if kind == kinds - 1:
            return np.ones((1, models))
        if (count, kind) not in known:
            here = binomials(count, probability[kind], rest[kind])
            if kind < kinds - 2:
                here = np.concatenate(
                    [here[each] * law(count - each, kind + 1) for each in range(count + 1)]
                )
            known[count, kind] = here
        return known[count, kind]

    return law(trials, 0)


def sums(
    trials: int, outcomes: Int[np.ndarray, "outcomes parts"], most: int
) -> tuple[Int[np.ndarray, "points parts"], list[Int[np.ndarray, "outcomes before"]]] | None:
    """Return what trials can add up to, and from each number of them to the next where sums go.

    None where there are more sums than ``most``.

    Example:
        >>> points, steps = sums(2, np.array([[0], [2]]), most=3)
        >>> points.ravel().tolist(), [step.tolist() for step in steps]
        ([0, 2, 4], [[[0], [1]], [[0, 1], [1, 2]]])
    """
    points = np.zeros((1, outcomes.shape[1]), outcomes.dtype)
    steps = []
    for _ in range(trials):
        reached = outcomes[:, None] + points
        points, where = np.unique(
            reached.reshape(-1, outcomes.shape[1]), axis=0, return_inverse=True
        )
        if len(points) > most:
            return None
        steps.append(where.reshape(reached.shape[:2]))
    return points, steps


def law_of_sums(
    steps: list[Int[np.ndarray, "outcomes before"]],
    probability: Float[np.ndarray, "outcomes models"],
) -> Float[np.ndarray, "points models"]:
    """Return the law of the sums of independent trials, on the points of :func:`sums`."""
    law = np.ones((1, probability.shape[1]))
    for step in steps:
        after = np.zeros((step.max() + 1, law.shape[1]))
        for where, chance in zip(step, probability, strict=True):
            # Of one outcome different sums stay different.
            after[where] += chance * law
        law = after
    return law / law.sum(axis=0)
