"""How many labels a log buys: at visits that fail, and at others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from boostsim.fitting.histories import Histories

# Of the largest that it can be: a determinant of shares that do not differ.
ALIKE = 1e-9


@dataclass(frozen=True, eq=False)
class Buying:
    """What a prompt's labels go by: how often it is visited, and whether its visits fail.

    Attributes:
        visits: V, to a prompt of each history in an iteration that meets it, on average,
            ``[histories]``.
        attempts: k, of a visit, most often.
        failing: labels bought at a visit of which nothing is accepted, on average.
        others: and at another.
    """

    visits: np.ndarray
    attempts: int
    failing: float
    others: float

    def by_visit(self, rejected: np.ndarray) -> np.ndarray:
        """Return the labels that are expected at a visit, f B^k + o (1 - B^k).

        Args:
            rejected: B, the probability that an attempt is rejected, of any shape.

        Example:
            >>> each = Buying(np.array([3.0]), attempts=2, failing=1.0, others=0.5)
            >>> each.by_visit(np.array([0.0, 1.0]))
            array([0.5, 1. ])
        """
        fails = rejected**self.attempts
        return fails * self.failing + (1.0 - fails) * self.others


def buying(counts: Histories) -> Buying:
    """Return how many labels a log buys.

    Of a record's visits F failed and O did not; its labels are f F + o O on average, f and o in
    proportion to the least squares' of all records, at least 0, and so large that the log's labels
    are that many together. Where every record has the same share of failing visits they are not
    told apart: f = o; a rate of visits that the log has none of is 0.

    Args:
        counts: a log's, or those of some of its iterations.

    Example:
        >>> counts = Histories(np.array([0]), 1, 0, np.array([[4.0], [4.0]]),
        ...     np.array([[0.0], [3.0]]), np.array([[2.0], [1.0]]), np.array([0, 0, 1]))
        >>> buying(counts)
        Buying(visits=array([1., 1.]), attempts=4, failing=2.0, others=1.0)
    """
    usual, attempts = counts.usual_visit
    visits = np.ones(len(counts.attempts))
    if counts.labels is None:
        return Buying(visits, attempts, 0.0, 0.0)
    if counts.visited is not None:
        met = counts.attempts > 0
        seen = (counts.visited[0] * met).sum(1) / np.maximum(met.sum(1), 1)
        visits = np.where(met.any(1), seen, float(usual))
    counted, labels, weight = _records(counts)
    square, product = (counted * weight) @ counted.T, (counted * weight) @ labels
    told = np.diag(square)
    if not told.all():
        found = np.divide(product, told, out=np.zeros(2), where=told > 0.0)
    elif np.linalg.det(square) <= ALIKE * told.prod():
        found = np.full(2, (labels @ weight) / (counted @ weight).sum())
    else:
        found = np.linalg.solve(square, product)
        if found.min() < 0.0:
            found = np.where(found < 0.0, 0.0, product / told)
    together = float(found @ counted @ weight)
    if together > 0.0:
        found = found * (float(labels @ weight) / together)
    return Buying(visits, attempts, float(found[0]), float(found[1]))


def focused(counts: Histories) -> bool:
    """Return whether labels go to visits that fail, of a log that buys some.

    They go nowhere else, and where records have several visits are more nearly in proportion to
    those that fail than to all.
    """
    counted, labels, weight = _records(counts)
    failed, every = counted[0], counted.sum(0)
    if (labels[failed == 0.0] > 0.0).any():
        return False
    left = []
    for by in (failed, every):
        rate = (by * weight) @ labels / max(float((by * weight) @ by), 1.0)
        left.append(float(weight @ (labels - rate * by) ** 2))
    return left[0] <= left[1]


def _records(counts: Histories) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (failed, other) visits, labels, and how many prompts have them, of each record."""
    assert counts.labels is not None
    weights = counts.weights()
    rows, places = np.nonzero((counts.attempts > 0) & (weights > 0)[:, None])
    if counts.visited is None:
        failed = (counts.accepted[rows, places] == 0.0) * 1.0
        visits = np.ones(failed.shape)
    else:
        visits, failed = counts.visited[:, rows, places]
    return np.stack([failed, visits - failed]), counts.labels[rows, places], weights[rows]
