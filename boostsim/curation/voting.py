"""Votes: several looks at a response, and the rule that makes one verdict of them (T5).

Everything is a sum of products of probabilities: what is small stays exact.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from boostsim.arguments import numbers, refuse, shape_of, unknown, whole

MAJORITY, UNANIMITY = RULES = ("majority", "unanimity")
# Beyond it rounding in the law of how many accept adds up to what a filter's verdicts may be off.
MOST_VOTERS = 1_000


def checked_rule(got: Any, votes: int) -> str | int:
    """Return a rule as it is held: a word, or how many looks must accept.

    Raises:
        ValueError: for another word, a number that is not from 1 to the votes, and a majority of an
            even number of votes.
    """
    if isinstance(got, str):
        if got not in RULES:
            raise unknown("rule", got, RULES)
        if got == MAJORITY and votes % 2 == 0:
            hint = "Another rule takes any number: rule='unanimity', or how many must accept."
            raise refuse("votes", "odd, so that a majority exists", votes, hint)
        return got
    try:
        return whole("rule", got, 1, votes)
    except ValueError:
        allowed = f"'majority', 'unanimity', or how many of {votes} looks must accept"
        raise refuse("rule", allowed, got) from None


def least_accepting(rule: str | int, votes: int) -> int:
    """Return how many of the looks must accept for the verdict to do so.

    Example:
        >>> [least_accepting(rule, 5) for rule in ("majority", "unanimity", 2)]
        [3, 5, 2]
    """
    if rule == MAJORITY:
        return (votes + 1) // 2
    return votes if rule == UNANIMITY else int(rule)


def checked_voters(got: Any) -> np.ndarray:
    """Return the voters' rates, ``[voters]``, or ``[voters, 2]`` of the two mistakes; read-only.

    Raises:
        ValueError: for anything else, and for more than :data:`MOST_VOTERS`.
    """
    pairs = np.ndim(got[0]) == 1 if isinstance(got, (list, tuple)) and got else np.ndim(got) == 2
    rates = numbers("voters", got, 2 if pairs else 1)
    if pairs and rates.shape[1] != 2:
        allowed = "one rate for each voter, or a (false_accept, false_reject) for each"
        raise refuse("voters", allowed, shape_of(rates))
    if len(rates) > MOST_VOTERS:
        raise refuse("voters", f"at most {MOST_VOTERS:,}", len(rates))
    bad = np.argwhere((rates < 0.0) | (rates > 1.0))
    if len(bad):
        raise refuse("voters", "in [0, 1]", float(rates[tuple(bad[0])]), f"See voter {bad[0][0]}.")
    rates.setflags(write=False)
    return rates


def at_least(least: int, votes: int, rate: Any) -> Any:
    """Return P(Binomial(votes, rate) >= least), by the incomplete beta function.

    Of a rate that is an array of JAX, which may be traced, by that of JAX. Of that, where all must
    say it or one is enough, the slope at 0 and 1 is 0 times infinity: there it is a power.
    """
    if votes == 1:
        return rate
    if isinstance(rate, jax.Array) and least == votes:
        return rate**votes
    if isinstance(rate, jax.Array) and least == 1:
        return _any_of(votes, rate)
    ends = float(least), float(votes - least + 1)
    if isinstance(rate, jax.Array):
        return jax.scipy.special.betainc(*ends, rate)
    import scipy.special

    tail = scipy.special.betainc(*ends, rate)
    return tail if np.ndim(tail) else float(tail)


def _any_of(votes: int, rate: jax.Array) -> jax.Array:
    """Return 1 - (1 - rate)^votes, as a sum of products: twice as many looks for each digit."""
    none, some = jax.numpy.ones_like(rate), jax.numpy.zeros_like(rate)
    for digit in f"{votes:b}":
        none, some = none * none, some + none * some
        if digit == "1":
            none, some = none * (1.0 - rate), some + none * rate
    return some


def at_least_of(least: int, rates: np.ndarray, others: np.ndarray) -> float:
    """Return the chance that so many voters say something, each with a rate of its own.

    The Poisson-binomial law, voter by voter: law'(n) = law(n) (1 - r) + law(n - 1) r.

    Args:
        least: how many.
        rates: that a voter says it, ``[voters]``.
        others: that it does not, one minus that, ``[voters]``.
    """
    law = np.zeros(len(rates) + 1)
    law[0] = 1.0
    for rate, other in zip(rates, others, strict=True):
        law[1:] = law[1:] * other + law[:-1] * rate
        law[0] *= other
    # The smallest first.
    return min(float(np.sort(law[least:]).sum()), 1.0)


def together(least: int, rates: np.ndarray) -> float:
    """Return the chance that so many voters say something where all have one level to be under."""
    return float(np.sort(rates)[-least])


def correlated(correlation: float, alone: Any, together: Any) -> Any:
    """Return the rate of verdicts whose looks are one draw with the probability ``correlation``."""
    if correlation == 0.0:
        return alone
    return correlation * together + (1.0 - correlation) * alone
