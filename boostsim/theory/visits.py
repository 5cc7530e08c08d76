"""T21: finitely many visits, exactly. A prompt is a Markov chain, and its law is computed.

Setting: replace, fresh noise and labels, keep one, no budget, no slack; v visits to the prompt in
each iteration. Laws here go through the chain's steps, in NumPy: their formulas have no gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from boostsim.theory.chains import binomial_law
from boostsim.theory.law import AT_LEAST_ONE, COUNT, PROBABILITY, Domain, solved_law

VISITS = Domain(low=1, high=1000, whole=True, single=True)
# Of filtering alone: the fractions with denominators up to v are about 0.3 v^2 states.
FEW_VISITS = Domain(low=1, high=100, whole=True, single=True)


class FewVisits(NamedTuple):
    """A prompt after some iterations at finitely many visits.

    Attributes:
        accuracy, error: E p_T and E (1 - p_T).
        variance: of p_T.
        solved, lost: P(p_T = 1) and P(p_T = 0).

    Source: docs/theory.md, section 5.
    """

    accuracy: np.ndarray
    error: np.ndarray
    variance: np.ndarray
    solved: np.ndarray
    lost: np.ndarray


class Step(NamedTuple):
    """One iteration of boosting: right and wrong mass of the next example."""

    beta: float
    gamma: float
    attempts: int

    def next_example(self, right: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the right and the wrong mass of the next example from such masses of the model."""
        accepted = (1.0 - self.gamma) * right + self.gamma * wrong
        rejected = (1.0 - self.gamma) * wrong + self.gamma * right
        kept = _kept(accepted, self.attempts)
        labels = rejected**self.attempts
        return (
            (1.0 - self.gamma) * right * kept + self.beta * labels,
            self.gamma * wrong * kept + (1.0 - self.beta) * labels,
        )


def _kept(accepted: np.ndarray, attempts: float) -> np.ndarray:
    """Return (1 - (1 - A)^k)/A, k where A = 0."""
    with np.errstate(divide="ignore"):
        some = -np.expm1(attempts * np.log1p(-np.minimum(accepted, 1.0)))
    return np.where(accepted > 0.0, some / np.where(accepted > 0.0, accepted, 1.0), attempts)


def _normal(right: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return right / (right + wrong), wrong / (right + wrong)


def _boosted(step: Step, visits: int, right: np.ndarray, iterations: int) -> Iterator[np.ndarray]:
    """Yield the laws of the right examples after 1, 2, ... iterations, ``[starts, visits + 1]``."""
    law = binomial_law(visits, *_normal(*step.next_example(right, 1.0 - right)))
    share = np.arange(visits + 1.0) / visits
    moves = binomial_law(visits, *_normal(*step.next_example(share, share[::-1])))
    for _ in range(iterations):
        yield law
        law = law @ moves


@solved_law(
    "T21",
    beta=PROBABILITY,
    gamma=PROBABILITY,
    attempts=AT_LEAST_ONE,
    visits=VISITS,
    initial_accuracy=PROBABILITY,
    iterations=AT_LEAST_ONE,
)
def few_visits_law(
    *,
    beta: np.ndarray,
    gamma: np.ndarray,
    attempts: np.ndarray,
    visits: int,
    initial_accuracy: np.ndarray,
    iterations: np.ndarray,
) -> np.ndarray:
    """T21. The law of a prompt after T iterations of boosting with v visits each.

    Statement: with Z_t correct examples among v after t iterations p_t = Z_t/v, Z_1 is
    Binomial(v, g(p_0)), and given Z_t = i the next is Binomial(v, g(i/v)), g the population map of
    T4 (docs/theory.md, section 3).
    Domain: beta, gamma, p_0 in [0, 1]; v in 1..1000; k, T >= 1 whole.
    Proof: keep one, each failing visit labelled: every visit gives one example, right with
    probability g(p), independently; the strong learner returns their shares.
    Reference: derived here (docs/theory.md, section 5); the Wright-Fisher chain with selection and
    mutation.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.
        visits: v, one number.
        initial_accuracy: p_0.
        iterations: T.

    Returns:
        P(p_T = 0), P(p_T = 1/v), ..., P(p_T = 1) along a new last axis.

    Example:
        >>> world = dict(beta=0.5, gamma=0.0, attempts=1, visits=2, initial_accuracy=0.5)
        >>> few_visits_law(iterations=1, **world).tolist()
        [0.0625, 0.375, 0.5625]
    """
    given = np.broadcast_arrays(beta, gamma, attempts, initial_accuracy, iterations)
    laws = np.zeros((given[0].size, visits + 1))
    for world, places, start, length in _settings(*given):
        for iteration, law in enumerate(
            _boosted(Step(*world), visits, start, int(length.max())), 1
        ):
            now = length == iteration
            laws[places[now]] = law[now]
    return laws.reshape(*given[0].shape, visits + 1)


def _settings(
    one: np.ndarray, other: np.ndarray, attempts: np.ndarray, start: np.ndarray, length: np.ndarray
) -> Iterator[tuple[tuple[float, float, int], np.ndarray, np.ndarray, np.ndarray]]:
    """Yield what has one chain: its parameters, the places, and their starts and lengths."""
    flat = np.stack([each.ravel() for each in (one, other, attempts)])
    settings, kind = np.unique(flat, axis=1, return_inverse=True)
    for number, (first, second, tries) in enumerate(settings.T.tolist()):
        (places,) = np.nonzero(kind == number)
        yield (first, second, int(tries)), places, start.ravel()[places], length.ravel()[places]


@solved_law(
    "T21",
    beta=PROBABILITY,
    gamma=PROBABILITY,
    attempts=AT_LEAST_ONE,
    visits=VISITS,
    initial_accuracy=PROBABILITY,
    iterations=COUNT,
)
def few_visits_error(
    *,
    beta: np.ndarray,
    gamma: np.ndarray,
    attempts: np.ndarray,
    visits: int,
    initial_accuracy: np.ndarray,
    iterations: np.ndarray,
) -> np.ndarray:
    """T21. The expected error of a prompt after T iterations of boosting with v visits each.

    Statement: E (1 - p_T) = sum_i P(Z_T = i) (1 - i/v), Z the chain of :func:`few_visits_law`;
    1 - p_0 for T = 0. For k = 1, and for v to infinity, it is the population's error (T3, T4).
    Domain: beta, gamma, p_0 in [0, 1]; v in 1..1000; k >= 1, T >= 0 whole.
    Proof: as there. For k = 1 g is affine, so the mean goes through it.
    Reference: derived here (docs/theory.md, section 5); the population: docs/theory.md, section 3.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.
        visits: v, one number.
        initial_accuracy: p_0.
        iterations: T.

    Returns:
        E (1 - p_T).

    Example:
        >>> world = dict(beta=0.3, gamma=0.1, attempts=2, initial_accuracy=2 / 6)
        >>> float(few_visits_error(visits=6, iterations=5, **world).round(5))
        0.02444
    """
    given = np.broadcast_arrays(beta, gamma, attempts, initial_accuracy, iterations)
    errors = 1.0 - given[3].ravel()
    wrong = np.arange(visits, -1.0, -1.0) / visits
    for world, places, start, length in _settings(*given):
        for iteration, law in enumerate(
            _boosted(Step(*world), visits, start, int(length.max())), 1
        ):
            now = length == iteration
            errors[places[now]] = law[now] @ wrong
    return errors.reshape(given[0].shape)


@solved_law(
    "T21",
    false_accept=PROBABILITY,
    false_reject=PROBABILITY,
    attempts=AT_LEAST_ONE,
    visits=FEW_VISITS,
    initial_accuracy=PROBABILITY,
    iterations=COUNT,
)
def few_visits_filtering(
    *,
    false_accept: np.ndarray,
    false_reject: np.ndarray,
    attempts: np.ndarray,
    visits: int,
    initial_accuracy: np.ndarray,
    iterations: np.ndarray,
) -> FewVisits:
    """T21. A prompt after T iterations of training on what the filter accepts, v visits each.

    Statement: of v visits N have an accepted response, N of Binomial(v, 1 - B^k), and of those that
    are kept Z are right, Z of Binomial(N, sigma(p)), odds sigma(p) = (a1/a0) odds p. So p' = Z/N,
    and p' = p where N = 0: after its first examples p is a fraction with denominator at most v, and
    0 and 1 are the ends.
    Domain: rates and p_0 in [0, 1]; v in 1..100; k >= 1, T >= 0 whole.
    Proof: a visit keeps its first accepted response, whose law is f a/A whatever J >= 1 is; visits
    are independent.
    Reference: derived here (docs/theory.md, section 5); sigma is T9's (docs/theory.md, section 4).

    Args:
        false_accept: a0, the probability that a wrong response is accepted.
        false_reject: 1 - a1, that a right one is rejected.
        attempts: k.
        visits: v, one number.
        initial_accuracy: p_0.
        iterations: T.

    Returns:
        A :class:`FewVisits`.

    Example:
        >>> noisy = dict(false_accept=0.2, false_reject=0.2, attempts=1, initial_accuracy=0.5)
        >>> found = few_visits_filtering(visits=2, iterations=[1, 100], **noisy)
        >>> found.lost.round(3).tolist()
        [0.11, 0.164]
    """
    given = np.broadcast_arrays(false_accept, false_reject, attempts, initial_accuracy, iterations)
    right, wrong, into = _fractions(visits)
    measured = np.zeros((6, given[0].size))
    functions = _functions(right, wrong)
    for (a0, rejected, tries), places, start, length in _settings(*given):
        filtering = _Filtering(a0, rejected, tries)
        on, still = filtering.moves(right, wrong, visits, into)
        first, waits = filtering.moves(start, 1.0 - start, visits, into)
        here = _functions(start, 1.0 - start)
        then = functions
        for iteration in range(int(length.max()) + 1):
            now = length == iteration
            measured[:, places[now]] = here[now].T
            here = waits[:, None] * here + first @ then
            then = still[:, None] * then + on @ then
    accuracy, error, square, missing, solved, lost = (
        each.reshape(given[0].shape) for each in measured
    )
    # Of the smaller side, whose square is no more than what is left.
    variance = np.where(accuracy < error, square - accuracy**2, missing - error**2)
    return FewVisits(accuracy, error, np.maximum(variance, 0.0), solved, lost)


def _functions(right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Return what is expected of models: both sides, their squares, and whether they are whole."""
    return np.stack([right, wrong, right**2, wrong**2, wrong == 0.0, right == 0.0], axis=1)


class _Filtering(NamedTuple):
    """One iteration of training on what the filter accepts."""

    false_accept: float
    false_reject: float
    attempts: int

    def moves(
        self, right: np.ndarray, wrong: np.ndarray, visits: int, into: list[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the law of the next fraction, and the probability that there is no example."""
        good, bad = (1.0 - self.false_reject) * right, self.false_accept * wrong
        accepted = good + bad
        rejected = self.false_reject * right + (1.0 - self.false_accept) * wrong
        failed = rejected**self.attempts
        number = binomial_law(visits, *_normal(accepted * _kept(accepted, self.attempts), failed))
        # Where nothing is ever accepted the law of what is does not matter.
        good = np.where(accepted > 0.0, good, 1.0)
        law = np.zeros((len(right), into[-1].max() + 1))
        for count in range(1, visits + 1):
            law[:, into[count]] += number[:, count, None] * binomial_law(count, *_normal(good, bad))
        return law, number[:, 0]


def _fractions(most: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return the fractions with denominators up to so many, their complements, and where z/n is."""
    every = sorted({Fraction(z, n) for n in range(1, most + 1) for z in range(n + 1)})
    place = {fraction: number for number, fraction in enumerate(every)}
    into = [np.array([place[Fraction(z, n)] for z in range(n + 1)]) for n in range(1, most + 1)]
    right = np.array([fraction.numerator / fraction.denominator for fraction in every])
    wrong = right[::-1].copy()
    return right, wrong, [np.zeros(0, int), *into]
