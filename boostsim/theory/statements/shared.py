"""The boxes and the sums of products that several statements share."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from boostsim.theory.statement import Terms

UNIT = (Fraction(0), Fraction(1))
BETA = (Fraction(1, 100), Fraction(1))
GAMMA = (Fraction(0), Fraction(45, 100))
ATTEMPTS = list(range(1, 17))
# Of labels: light ones, and all.
LIGHT = (Fraction(1, 100), Fraction(1))
WEIGHT = (Fraction(1, 100), Fraction(100))


def acceptance(gamma: Any, p: Any) -> Any:
    """A, the probability that one attempt is accepted."""
    return gamma * (1 - p) + (1 - gamma) * p


def rejection(gamma: Any, p: Any) -> Any:
    """B = 1 - A, as a sum of products."""
    return (1 - gamma) * (1 - p) + gamma * p


def geometric(ratio: Any, terms: int) -> Any:
    """1 + ratio + ... + ratio^(terms - 1)."""
    total = 1
    for _ in range(terms - 1):
        total = 1 + ratio * total
    return total


def keeping(beta: Any, gamma: Any) -> Any:
    """T3's rate, as a sum of products."""
    return (1 - gamma) * (1 - beta) + gamma * beta


def slope(beta: Any, gamma: Any, attempts: int, p: Any) -> Any:
    """T4: the derivative of the correct mass after an iteration by that before, times A."""
    accepted = acceptance(gamma, p)
    rejected = 1 - accepted
    return geometric(rejected, attempts) * gamma * (1 - gamma) + attempts * rejected ** (
        attempts - 1
    ) * (1 - 2 * gamma) * ((1 - gamma) * p - beta * accepted)


def rising(beta: Any, gamma: Any, attempts: int, p: Any) -> Terms:
    """T4's slope: what the correct mass gains from more of it, times A."""
    accepted, rejected = acceptance(gamma, p), rejection(gamma, p)
    # 1 + ... + B^(k-1) is k B^(k-1) and more, every difference of powers a multiple of A.
    more = [
        [rejected] * power + [accepted, geometric(rejected, attempts - 1 - power), gamma, 1 - gamma]
        for power in range(attempts - 1)
    ]
    return [*more, [attempts] + [rejected] * (attempts - 1) + [keeping(beta, gamma), accepted]]
