"""How many labels a log buys: at visits that fail, and at others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from boostsim.fitting.histories import Histories


@dataclass(frozen=True)
class Buying:
    """What a prompt's labels go by: whether its visits fail.

    Attributes:
        visits: V, to a prompt in an iteration.
        attempts: k, of a visit.
        failing: labels bought at a visit of which nothing is accepted, on average.
        others: and at another.
    """

    visits: int
    attempts: int
    failing: float
    others: float

    def expected(self, rejected: np.ndarray) -> np.ndarray:
        """Return the labels that a prompt is expected to get: V (f B^k + o (1 - B^k)).

        Args:
            rejected: B, the probability that an attempt is rejected, of any shape.

        Example:
            >>> Buying(visits=3, attempts=2, failing=1.0, others=0.0).expected(np.array([0.5, 1.0]))
            array([0.75, 3.  ])
        """
        fails = rejected**self.attempts
        return self.visits * (fails * self.failing + (1.0 - fails) * self.others)


def buying(counts: Histories) -> Buying:
    """Return how many labels a log buys.

    Of a record the share h of visits that failed is known: all or none of one visit; 1 - a/V of V
    visits that stop at an accepted attempt, a of them; else, whatever the prompt is like, of visits
    of k among n attempts the expectation is h = C(n - a, k)/C(n, k). Labels are V (f h + o (1 - h))
    on average, and f and o the least squares' of them, at least 0.

    Args:
        counts: a log's, or those of some of its iterations.

    Example:
        >>> counts = Histories(np.array([0]), 1, 0, np.array([[4.0], [4.0]]),
        ...     np.array([[0.0], [3.0]]), np.array([[2.0], [1.0]]), np.array([0, 0, 1]))
        >>> buying(counts)
        Buying(visits=1, attempts=4, failing=2.0, others=1.0)
    """
    usual, attempts = counts.usual_visits, counts.visit_attempts or counts.usual_attempts
    if counts.stopping is not None:
        attempts = counts.stopping[1]
    if counts.labels is None:
        return Buying(usual, attempts, 0.0, 0.0)
    rows, places = np.nonzero((counts.attempts > 0) & (counts.weights() > 0)[:, None])
    weight = counts.weights()[rows]
    made, accepted, labels = (
        each[rows, places] for each in (counts.attempts, counts.accepted, counts.labels)
    )
    visits = np.full(made.shape, float(usual))
    if counts.stopping is not None:
        failed = np.maximum(visits - accepted, 0.0)
    elif counts.visit_attempts is None:
        failed = (accepted == 0.0) * 1.0
    else:
        visits = made / attempts
        failed = visits * _none(made, accepted, np.minimum(attempts, made))
    counted = np.stack([failed, visits - failed])
    square, product = (counted * weight) @ counted.T, (counted * weight) @ labels
    found = np.linalg.lstsq(square, product, rcond=None)[0]
    if found.min() < 0.0:
        alone = np.maximum(product, 0.0) / np.maximum(np.diag(square), np.finfo(float).tiny)
        found = np.where(found < 0.0, 0.0, alone)
    return Buying(usual, attempts, float(found[0]), float(found[1]))


def _none(made: np.ndarray, accepted: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return the probability that none of so many drawn of those made is accepted."""
    enough = made - accepted >= drawn
    rejected = np.where(enough, made - accepted, drawn)
    logs = gammaln(rejected + 1.0) - gammaln(rejected - drawn + 1.0)
    logs += gammaln(made - drawn + 1.0) - gammaln(made + 1.0)
    return np.exp(logs) * enough
