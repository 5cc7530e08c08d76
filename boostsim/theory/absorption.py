"""T9, T11 and T21 where a prompt ends: finitely many examples in each iteration, solved exactly.

The correct examples of a prompt among M are a Markov chain. Without labels it ends at all or none
(fixation, drift); with labels and a noisy filter it has a stationary law. Laws here are solved by
elimination (:mod:`boostsim.theory.chains`), in NumPy: their formulas have no gradients.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from boostsim.theory.chains import (
    Absorption,
    absorption,
    begun,
    binomial_law,
    expected_visits,
    stationary,
)
from boostsim.theory.law import AT_LEAST_ONE, PROBABILITY, Domain, law, solved_law
from boostsim.theory.visits import Step

# Beyond this the chain no longer fits in a laptop's memory, or its patience.
LARGEST_SOLVED = 4000
LONGEST = 100_000
EXAMPLES = Domain(low=1, high=LARGEST_SOLVED, whole=True, single=True)
INSIDE = Domain(low_open=True, high_open=True)


@functools.lru_cache(maxsize=8)
def _undecided(examples: int) -> np.ndarray:
    """Return the expected time until all or none are right, from 1..M-1 right ones of M."""
    if examples == 1:
        return np.zeros(0)
    # i and M - i are alike: half of the states are enough.
    half = examples // 2
    right = np.arange(1.0, half + 1)
    law = binomial_law(examples, right / examples, (examples - right) / examples)
    moves = law[:, 1 : half + 1].copy()
    moves[:, : examples - 1 - half] += law[:, :half:-1][:, 1:]
    times = expected_visits(moves, law[:, 0] + law[:, -1]).sum(1)
    return np.asarray(np.append(times, times[: examples - 1 - half][::-1]))


@law("T11", examples=EXAMPLES, initial_accuracy=PROBABILITY)
def fixation_time(*, examples: int, initial_accuracy: Array) -> Array:
    """T11. Expected iterations of uncurated training until a prompt is all right or all wrong.

    Statement: the number of correct examples among M is a Markov chain on 0..M with steps
    Binomial(M, i/M). With Q its restriction to 1..M-1, tau = (I - Q)^-1 1, and from any p_0 in
    (0, 1) the expected time is 1 + sum_j P(Binomial(M, p_0) = j) tau_j.
    Domain: M in 1..4000; p_0 in [0, 1] (0 at both ends).
    Proof: condition on the first iteration.
    Reference: the Wright-Fisher chain; solved here by elimination without subtractions, to some
    1e-13 of it (docs/theory.md, section 4).

    Args:
        examples: M, one number.
        initial_accuracy: p_0.

    Returns:
        Iterations.

    Example:
        >>> float(fixation_time(examples=2, initial_accuracy=0.5).round(9))
        2.0
    """
    times = _undecided(examples)
    p = jnp.asarray(initial_accuracy)
    inside = (p > 0.0) & (p < 1.0)
    start = jnp.where(inside, p, 0.5)[..., None]
    # Outwards from the mode, as for the chain itself.
    index = jnp.arange(examples)
    rising = index >= jnp.floor((examples + 1.0) * start)
    more, fewer = (examples - index) * start, (index + 1.0) * (1.0 - start)
    up = jnp.cumprod(jnp.where(rising, more / fewer, 1.0), axis=-1)
    down = jnp.cumprod(jnp.where(rising, 1.0, fewer / more)[..., ::-1], axis=-1)[..., ::-1]
    one = jnp.ones_like(start)
    weights = jnp.concatenate([one, up], -1) * jnp.concatenate([down, one], -1)
    after = jnp.sum(weights[..., 1:-1] * times, axis=-1) / jnp.sum(weights, axis=-1)
    return jnp.where(inside, 1.0 + after, 0.0)


class Fixation(NamedTuple):
    """How filtering alone ends at finitely many examples; times in iterations.

    Attributes:
        solved, lost: probabilities that all examples are right in the end, or all wrong.
        time, deviation: mean and standard deviation of the time until either.
        time_solved, deviation_solved: of the time, given that the prompt is solved in the end.
        time_lost, deviation_lost: given that it is lost; NaN where that cannot be.

    Source: docs/theory.md, section 5.
    """

    solved: np.ndarray
    lost: np.ndarray
    time: np.ndarray
    deviation: np.ndarray
    time_solved: np.ndarray
    deviation_solved: np.ndarray
    time_lost: np.ndarray
    deviation_lost: np.ndarray


def _selected(
    false_accept: float, false_reject: float, right: np.ndarray, wrong: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the right and the wrong share of what the filter accepts of such masses."""
    kept, slipped = right * (1.0 - false_reject), wrong * false_accept
    accepted = kept + slipped
    return kept / accepted, slipped / accepted


@solved_law(
    "T9",
    (
        "a filter that accepts something: false_accept above 0, or false_reject below 1",
        lambda false_accept, false_reject: (false_accept > 0.0) | (false_reject < 1.0),
    ),
    examples=EXAMPLES,
    initial_accuracy=PROBABILITY,
    false_accept=PROBABILITY,
    false_reject=PROBABILITY,
)
def fixation(
    *,
    examples: int,
    initial_accuracy: np.ndarray,
    false_accept: np.ndarray,
    false_reject: np.ndarray,
) -> Fixation:
    """T9. How filtering alone ends where M accepted examples make each next model.

    Statement: the number of correct examples among M is a Markov chain on 0..M with steps
    Binomial(M, sigma(i/M)), odds(sigma(p)) = R odds(p), R = (1 - false_reject)/false_accept. It
    ends at 0 or M; probabilities, means and standard deviations of the times solve linear systems.
    For R = 1 it is drift: solved with probability p_0. A filter that errs loses right prompts: with
    R = 1 + s, s small and M s large, one right example of M is the last of all with a probability
    near 2 s, not 1.
    Domain: M in 1..4000, so many accepted in each iteration: M visits, each with attempts until one
    is accepted (with at most k of them fewer may be: bs.fate); rates and p_0 in [0, 1].
    Proof: each kept response is right with odds R p : 1 - p, independently of the others; condition
    on the first iteration. Given the end, the chain has the steps Q_ij h_j/h_i, with h the
    probability of that end (Doob).
    Reference: the Wright-Fisher chain with selection (Wright 1931; Kimura 1962 for its limit);
    docs/theory.md, section 4 (T9) and docs/theory.md, section 5.

    Args:
        examples: M, one number.
        initial_accuracy: p_0.
        false_accept: a0.
        false_reject: 1 - a1.

    Returns:
        A :class:`Fixation`.

    Example:
        >>> rare = dict(examples=200, initial_accuracy=1 / 200)
        >>> float(fixation(false_accept=1 / 1.05, false_reject=0.0, **rare).solved.round(4))
        0.0936
    """
    given = np.broadcast_arrays(initial_accuracy, false_accept, false_reject)
    start, *rates = (each.ravel() for each in given)
    parts = np.full((len(Fixation._fields), len(start)), np.nan)
    pairs, which = np.unique(np.stack(rates, 1), axis=0, return_inverse=True)
    for number, pair in enumerate(pairs):
        here = np.flatnonzero(which.ravel() == number)
        parts[:, here] = _fixed(examples, start[here], *map(float, pair))
    return Fixation(*(part.reshape(given[0].shape) for part in parts))


def _fixed(examples: int, start: np.ndarray, *rates: float) -> np.ndarray:
    """Return the parts of a :class:`Fixation` for starts under one filter."""
    slips, loses = rates
    states = np.arange(1.0, examples)
    steps = binomial_law(examples, *_selected(slips, loses, states, examples - states))
    then = absorption(steps[:, 1:-1], steps[:, [0, -1]])
    inside = (start > 0.0) & (start < 1.0)
    first = binomial_law(examples, *_selected(slips, loses, start[inside], 1.0 - start[inside]))
    # What ends before it begins takes no time, and does not end otherwise.
    parts = np.zeros((8, len(start)))
    parts[0], parts[1] = start == 1.0, start == 0.0
    parts[4:6, start == 0.0] = parts[6:8, start == 1.0] = np.nan
    parts[:, inside] = _told(begun(first[:, 1:-1], first[:, [0, -1]], then))
    return parts


def _told(ends: Absorption) -> np.ndarray:
    lost, solved = ends.probability.T
    slow_lost, slow = ends.time_given.T
    spread_lost, spread = ends.variance_given.T
    deviations = np.sqrt([ends.variance, spread, spread_lost])
    pairs = [solved, lost, ends.time, deviations[0], slow, deviations[1], slow_lost, deviations[2]]
    return np.stack(pairs)


@solved_law(
    "T11",
    examples=EXAMPLES,
    initial_probability=PROBABILITY,
    iterations=Domain(low=0, high=LONGEST, whole=True),
)
def response_survival(
    *, examples: int, initial_probability: np.ndarray, iterations: np.ndarray
) -> np.ndarray:
    """T11. Probability that uncurated training still says a response after T iterations.

    Statement: M examples a prompt and iteration: the copies of a response y among M are a Markov
    chain on 0..M with steps Binomial(M, i/M), lost for ever at 0. P(f_T(y) > 0) -> f_0(y), and
    a rare response is soon lost: in one of M examples, with a probability near 1 - 2/T once
    1 << T << M. Summed over the responses it is the expected number of different ones.
    Domain: M in 1..4000; f_0(y) in [0, 1]; T in 0..100,000.
    Proof: T11's chain, of y against all other responses; condition on the first iteration.
    Reference: the neutral Wright-Fisher model (Fisher 1922 for the branching process near 0);
    docs/theory.md, section 4 (T11) and docs/theory.md, section 5.

    Args:
        examples: M = v k, one number.
        initial_probability: f_0(y).
        iterations: T.

    Returns:
        P(f_T(y) > 0).

    Example:
        >>> law = dict(examples=100, initial_probability=0.01)
        >>> response_survival(iterations=[2, 5, 10, 50], **law).round(3).tolist()
        [0.471, 0.271, 0.161, 0.041]
    """
    given = np.broadcast_arrays(initial_probability, iterations)
    start, length = (each.ravel() for each in given)
    states = np.arange(1.0, examples + 1)
    moves = binomial_law(examples, states / examples, (examples - states) / examples)[:, 1:]
    first = binomial_law(examples, start, 1.0 - start)[..., 1:]
    found = (start > 0.0) * 1.0
    alive = np.ones(examples)
    for iteration in range(1, int(length.max(initial=0)) + 1):
        now = length == iteration
        found[now] = first[now] @ alive
        before, alive = alive, moves @ alive
        if (alive == before).all():
            found[length > iteration] = first[length > iteration] @ alive
            break
    return found.reshape(given[0].shape)


class Stationary(NamedTuple):
    """Where boosting comes to rest at finitely many visits: mean and variance of p.

    Source: docs/theory.md, section 5.
    """

    mean: np.ndarray
    variance: np.ndarray


@solved_law(
    "T21",
    beta=INSIDE,
    gamma=INSIDE,
    attempts=AT_LEAST_ONE,
    visits=EXAMPLES,
)
def stationary_accuracy(
    *, beta: np.ndarray, gamma: np.ndarray, attempts: np.ndarray, visits: int
) -> Stationary:
    """T21. Mean and variance of the correct mass of a prompt after many iterations of boosting.

    Statement: keep one, v visits, no budget: the number of correct examples among v is a Markov
    chain on 0..v with steps Binomial(v, g(i/v)), g T4's map. For 0 < beta < 1 and 0 < gamma < 1
    each state leads to each other one: nothing is solved or lost for ever, and the law of p_T tends
    to the stationary one, whatever p_0 is. For k = 1, with T3's p* and rho: the mean is p* at
    every v, the variance p*(1 - p*)/(v - rho^2 (v - 1)).
    Domain: beta, gamma in (0, 1); k >= 1, v in 1..4000 whole.
    Proof: 0 < g < 1 throughout. k = 1: g is affine with slope rho, and V = [p*(1-p*) - rho^2 V]/v +
    rho^2 V by the law of total variance.
    Reference: the Wright-Fisher chain with mutation (Wright 1931): for k = 1 from right to wrong
    with probability gamma (1 - beta), from wrong to right with (1 - gamma) beta; docs/theory.md,
    section 3 (T3, T4) and docs/theory.md, section 5.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.
        visits: v, one number.

    Returns:
        A :class:`Stationary`.

    Example:
        >>> rest = stationary_accuracy(beta=0.3, gamma=0.1, attempts=1, visits=10)
        >>> float(rest.mean.round(6)), float(rest.variance.round(6))
        (0.794118, 0.026892)
    """
    given = np.broadcast_arrays(beta, gamma, attempts)
    right = np.arange(visits + 1.0) / visits
    wrong = right[::-1]
    mean, variance = np.zeros((2, given[0].size))
    for number, (b, g, k) in enumerate(zip(*(each.ravel() for each in given), strict=True)):
        up, down = Step(b, g, k).next_example(right, wrong)
        law = stationary(binomial_law(visits, up / (up + down), down / (up + down)))
        mean[number] = law @ right
        variance[number] = law @ (right - mean[number]) ** 2
    return Stationary(mean.reshape(given[0].shape), variance.reshape(given[0].shape))
