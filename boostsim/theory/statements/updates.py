"""T18 and T19: policy gradients, steps that go a part of the way."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from boostsim.theory.statement import Ends, Statement, Terms
from boostsim.theory.statements.shared import (
    ATTEMPTS,
    BETA,
    GAMMA,
    UNIT,
    acceptance,
    geometric,
    rising,
    slope,
)
from boostsim.theory.step import boosting_step

# What an odds ratio has above 1.
MORE = (Fraction(0), Fraction(100))


def _tilted(more: Any, p: Any) -> Any:
    """The correct mass whose odds are 1 + more times as large."""
    return (1 + more) * p / (1 + more * p)


def _partial(beta: Any, gamma: Any, attempts: int, step: Any, e: Any) -> Any:
    return (1 - step) * e + step * boosting_step(beta, gamma, attempts, e)


def _t19_monotone(beta: Any, gamma: Any, attempts: int, step: Any, p: Any) -> Terms:
    stays = [1 - step, acceptance(gamma, p)]
    return [stays, *([step, *term] for term in rising(beta, gamma, attempts, p))]


PARTIAL: dict[str, Ends | Sequence[int]] = {"beta": BETA, "attempts": ATTEMPTS, "step": UNIT}
STATEMENTS = [
    Statement(
        "T18/rises",
        "a verdict that favours right responses does not lower the correct mass",
        {"more": MORE, "p": UNIT},
        direct=lambda more, p: _tilted(more, p) - p,
        terms=lambda more, p: [[more, p, 1 - p, 1 / (1 + more * p)]],
    ),
    Statement(
        "T18/monotone",
        "of two prompts the one with the larger correct mass keeps it",
        {"more": MORE, "p": UNIT, "share": UNIT},
        direct=lambda more, p, share: _tilted(more, p) - _tilted(more, share * p),
        terms=lambda more, p, share: [
            [1 + more, p, 1 - share, 1 / (1 + more * p), 1 / (1 + more * share * p)]
        ],
    ),
    Statement(
        "T19/attempts",
        "with a perfect filter s of the way takes at least the share s beta of the error away",
        {**PARTIAL, "e": UNIT},
        direct=lambda beta, attempts, step, e: (
            (1 - step * beta) * e - _partial(beta, 0, attempts, step, e)
        ),
        terms=lambda beta, attempts, step, e: [
            [step, 1 - beta, e, 1 - e, *([geometric(e, attempts - 1)] if attempts > 1 else [0])]
        ],
    ),
    Statement(
        "T19/monotone",
        "a part of the way the correct mass does not fall either as that before it rises",
        {**PARTIAL, "gamma": GAMMA, "p": UNIT},
        direct=lambda beta, gamma, attempts, step, p: (
            (1 - step) * acceptance(gamma, p) + step * slope(beta, gamma, attempts, p)
        ),
        terms=_t19_monotone,
    ),
]
