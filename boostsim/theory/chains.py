"""Markov chains with finitely many states, solved without a subtraction.

Where rows of a chain are eliminated one after another, each time with what leaves a row summed and
never taken from one, every number is a sum of products of probabilities: nothing cancels, and each
entry of the solution keeps its digits, be it 1e-200 beside 1 (Grassmann, Taksar and Heyman 1985): n
states lose some n roundings at most, whatever the condition of the system.
In NumPy, float64; blocks of rows are eliminated at once, so that the work is that of a product of
matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Rows that are eliminated one by one before what they do to all others is done at once.
BLOCK = 128
# Iterations after which a chain is oftenest where it is often: a base for its cycles.
WARM = 64


def binomial_law(trials: int, right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Return P(Binomial(n, p) = j) for j = 0..n along a new last axis, each to some n roundings.

    As products of the ratios (n - j) p / ((j + 1) q) outwards from the mode, which is a number of
    order one: no logarithm of a factorial, which loses digits for many trials.

    Args:
        trials: n.
        right, wrong: p and q = 1 - p, both with all their digits.

    Example:
        >>> binomial_law(2, np.array(0.25), np.array(0.75)).tolist()
        [0.5625, 0.375, 0.0625]
    """
    right, wrong = (np.asarray(mass, np.float64)[..., None] for mass in (right, wrong))
    index = np.arange(trials)
    rising = index >= np.floor((trials + 1.0) * right)
    more, fewer = (trials - index) * right, (index + 1.0) * wrong
    # At p = 0 or 1 the other side of the mode is never asked for.
    ratio = np.where(rising, more, fewer) / np.where(rising, fewer, more)
    weights = np.ones((*ratio.shape[:-1], trials + 1))
    np.cumprod(np.where(rising, ratio, 1.0), axis=-1, out=weights[..., 1:])
    falling = np.where(rising, 1.0, ratio)[..., ::-1]
    weights[..., :-1] *= np.cumprod(falling, axis=-1)[..., ::-1]
    weights /= weights.sum(-1, keepdims=True)
    return weights


def _eliminated(moves: np.ndarray, leaving: np.ndarray) -> np.ndarray:
    """Return :func:`expected_visits` of few states, one after another; both are overwritten."""
    for state in range(len(moves)):
        row, column = moves[state].copy(), moves[:, state].copy()
        visits = 1.0 / (row[state + 1 :].sum() + leaving[state])
        row *= visits
        row[state], column[state] = visits, 0.0
        moves[:, state] = 0.0
        moves += np.multiply.outer(column, row)
        moves[state] = row
        leaving += column * (visits * leaving[state])
        leaving[state] *= visits
    return moves


def expected_visits(moves: np.ndarray, leaving: np.ndarray) -> np.ndarray:
    """Return (I - Q)^-1: how often a chain is in each state before it leaves, from each state.

    Every state must lead out. While states are eliminated a row holds how often a walk is in those
    that are gone, and with what probability it goes on to each of the others.

    Args:
        moves: Q, [states, states].
        leaving: what is left of each row: 1 - sum_j Q_ij, with all its digits.

    Example:
        >>> expected_visits(np.array([[0.0, 0.5], [0.5, 0.0]]), np.array([0.5, 0.5])).round(12)
        array([[1.33333333, 0.66666667],
               [0.66666667, 1.33333333]])
    """
    moves, leaving = moves.copy(), leaving.copy()
    for start in range(0, len(moves), BLOCK):
        block = slice(start, start + BLOCK)
        later = moves[block, start + BLOCK :].sum(1)
        inside = _eliminated(moves[block, block].copy(), leaving[block] + later)
        rows = inside @ moves[block]
        rows[:, block] = inside
        columns = moves[:, block].copy()
        columns[block] = 0.0
        gone = inside @ leaving[block]
        moves[:, block] = 0.0
        moves += columns @ rows
        moves[block] = rows
        leaving += columns @ gone
        leaving[block] = gone
    return moves


class Absorption(NamedTuple):
    """How a chain ends from each state, C ends; times count its steps.

    Attributes:
        probability: of each end, [states, C].
        time, variance: of the number of steps until any end, [states].
        time_given, variance_given: of it, given the end, [states, C]; NaN where that cannot be.
    """

    probability: np.ndarray
    time: np.ndarray
    variance: np.ndarray
    time_given: np.ndarray
    variance_given: np.ndarray


def absorption(moves: np.ndarray, exits: np.ndarray) -> Absorption:
    """Return how a chain ends from each of its states that are no end.

    With N = (I - Q)^-1: probabilities h = N R, times N 1, times given an end N h / h. A variance is
    N u, where u is how far the expected rest of the way differs after a step from what it was
    before: a sum of squares, of which nothing cancels.

    Args:
        moves: Q, [states, states].
        exits: R, the probability of a step to each end, [states, C].
    """
    visits = expected_visits(moves, exits.sum(1))
    probability, time = visits @ exits, visits.sum(1)
    variance = visits @ _surprise(moves, exits.sum(1), time, time)
    ends = []
    for end in range(exits.shape[1]):
        reach = probability[:, end]
        with np.errstate(invalid="ignore"):
            given = (visits @ reach) / reach
        known = np.nan_to_num(given)
        surprise = _surprise(moves * reach, exits[:, end], known, known)
        with np.errstate(invalid="ignore"):
            ends.append((given, (visits @ surprise) / reach))
    of_given, of_variance = (np.stack(part, -1) for part in zip(*ends, strict=True))
    return Absorption(probability, time, variance, of_given, of_variance)


def begun(moves: np.ndarray, exits: np.ndarray, then: Absorption) -> Absorption:
    """Return how a chain ends whose first step is another's.

    Args:
        moves: probabilities of the first step to states that are no end, [starts, states].
        exits: and to each end, [starts, C].
        then: how it ends from those states.
    """
    probability = exits + moves @ then.probability
    time = 1.0 + moves @ then.time
    variance = moves @ then.variance + _surprise(moves, exits.sum(1), then.time, time)
    ends = []
    for end in range(exits.shape[1]):
        reach = probability[:, end]
        bridge = moves * then.probability[:, end]
        after = np.nan_to_num(then.time_given[:, end])
        spread = np.nan_to_num(then.variance_given[:, end])
        with np.errstate(invalid="ignore"):
            given = 1.0 + (bridge @ after) / reach
            surprise = _surprise(bridge, exits[:, end], after, np.nan_to_num(given))
            ends.append((given, (bridge @ spread + surprise) / reach))
    of_given, of_variance = (np.stack(part, -1) for part in zip(*ends, strict=True))
    return Absorption(probability, time, variance, of_given, of_variance)


def _surprise(
    moves: np.ndarray, leaving: np.ndarray, after: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """Return sum_j Q_ij (1 + after_j - before_i)^2 + R_i (1 - before_i)^2."""
    change = 1.0 + after[None, :] - before[:, None]
    return np.einsum("ij,ij,ij->i", moves, change, change) + leaving * (1.0 - before) ** 2


def stationary(moves: np.ndarray) -> np.ndarray:
    """Return the stationary law of a chain whose states all lead to each other.

    As visits in a cycle: from a state that is often visited until the first return to it.

    Example:
        >>> stationary(np.array([[0.5, 0.5], [0.25, 0.75]])).round(12).tolist()
        [0.333333333333, 0.666666666667]
    """
    law = np.full(len(moves), 1.0 / len(moves))
    seen = law
    for _ in range(WARM):
        law = law @ moves
        seen = seen + law
    base = int(np.argmax(seen))
    others = np.delete(np.arange(len(moves)), base)
    visits = expected_visits(moves[np.ix_(others, others)], moves[others, base])
    cycle = np.insert(moves[base, others] @ visits, base, 1.0)
    return np.asarray(cycle / cycle.sum())
