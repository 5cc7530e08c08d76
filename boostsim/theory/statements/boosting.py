"""T1 to T10: boosting, step by step."""

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
    rising,
    slope,
)
from boostsim.theory.step import boosting_step


def _exits(beta: Any, gamma: Any) -> Any:
    """One minus T3's rate: what goes in and what goes out."""
    return beta * (1 - gamma) + gamma * (1 - beta)


def _above_floor(beta: Any, gamma: Any, share: Any) -> tuple[Any, Any, Any]:
    """An error above T3's floor by a share of all that is above it; the floor; their distance."""
    floor = gamma * (1 - beta) / _exits(beta, gamma)
    distance = share * (1 - floor)
    return floor + distance, floor, distance


def _t3_side(beta: Any, gamma: Any, share: Any) -> Terms:
    above = [share, beta, 1 - gamma, 1 / _exits(beta, gamma)]
    return [[1 - gamma, 1 - beta, *above], [gamma, beta, *above]]


def _t3_side_directly(beta: Any, gamma: Any, share: Any) -> Any:
    error, floor, _ = _above_floor(beta, gamma, share)
    return boosting_step(beta, gamma, 1, error) - floor


def _t3_limit(beta: Any, gamma: Any, share: Any) -> Terms:
    return [[gamma, 1 - beta, share, beta, 1 - gamma, 1 / _exits(beta, gamma)]]


def _t3_limit_directly(beta: Any, gamma: Any, share: Any) -> Any:
    error, _, distance = _above_floor(beta, gamma, share)
    return error - boosting_step(beta, gamma, 1, error) - beta * (1 - gamma) * distance


def _t4_inequality(beta: Any, gamma: Any, attempts: int, e: Any) -> Terms:
    u = (1 - gamma) * e + gamma * (1 - e)
    return [[u] * attempts + [gamma, e]]


def _t4_inequality_directly(beta: Any, gamma: Any, attempts: int, e: Any) -> Any:
    u = gamma + (1 - 2 * gamma) * e
    return gamma * e + (1 - u) * (
        u**attempts * (1 - beta) - boosting_step(beta, gamma, attempts, e)
    )


def _t4_growth(beta: Any, gamma: Any, attempts: int, share: Any) -> Terms:
    right, wrong = gamma * beta, (1 - gamma) * (1 - beta)
    whole = right + wrong
    # B = (1 - gamma)(1 - p) + gamma p, times what p is divided by.
    rejected = (1 - gamma) * (right * (1 - share) + wrong) + gamma * share * right
    return [[rejected, 1 / whole] * attempts + [gamma, beta, 1 - share]]


def _t4_growth_directly(beta: Any, gamma: Any, attempts: int, share: Any) -> Any:
    p = share * gamma * beta / (gamma * beta + (1 - gamma) * (1 - beta))
    error = boosting_step(beta, gamma, attempts, 1 - p)
    return (1 - error) * (1 - p) * gamma - (1 - gamma) * p * error


def _t5_correlated(beta: Any, gamma: Any, correlation: Any, alone: Any) -> Terms:
    common = correlation * gamma
    noise = common + (1 - correlation) * alone
    return [
        [beta, 1 - beta, 1 - correlation, alone, 1 / _exits(beta, noise), 1 / _exits(beta, common)]
    ]


def _t5_correlated_directly(beta: Any, gamma: Any, correlation: Any, alone: Any) -> Any:
    common = correlation * gamma
    noise = common + (1 - correlation) * alone
    return noise * (1 - beta) / _exits(beta, noise) - common * (1 - beta) / _exits(beta, common)


def _t10_point(rate: Any, share: Any) -> tuple[Any, Any]:
    """A fixed point between 1 - b and 1, and the beta that has it."""
    fixed_point = 1 - rate + rate * share
    return fixed_point, fixed_point * share


def _t10_side(rate: Any, share: Any, above: Any) -> Terms:
    # p + b, where p = 1 - b (1 - share)(1 - above).
    whole = 1 + rate * (share + above * (1 - share))
    return [[above, rate**2, (1 - share) ** 2, 1 / whole]]


def _t10_side_directly(rate: Any, share: Any, above: Any) -> Any:
    fixed_point, beta = _t10_point(rate, share)
    p = fixed_point + above * (1 - fixed_point)
    return (p + rate * beta) / (p + rate) - fixed_point


NOISY: dict[str, Ends | Sequence[int]] = {"beta": BETA, "gamma": GAMMA}
SEVERAL: dict[str, Ends | Sequence[int]] = {**NOISY, "attempts": ATTEMPTS}
EVENLY: dict[str, Ends | Sequence[int]] = {"rate": UNIT, "share": UNIT}
STATEMENTS = [
    Statement(
        "T1/step",
        "an iteration takes at least the share beta of the error away",
        {"beta": BETA, "attempts": ATTEMPTS, "e": UNIT},
        direct=lambda beta, attempts, e: (1 - beta) * e - (1 - beta) * e**attempts,
        terms=lambda beta, attempts, e: [[1 - beta, e, 1 - e ** (attempts - 1)]],
    ),
    Statement(
        "T3/rate",
        "the rate is not negative",
        NOISY,
        direct=lambda beta, gamma: 1 - gamma - beta * (1 - 2 * gamma),
        terms=lambda beta, gamma: [[1 - gamma, 1 - beta], [gamma, beta]],
    ),
    Statement(
        "T3/contraction",
        "the rate is at most 1 - beta (1 - gamma)",
        NOISY,
        direct=lambda beta, gamma: gamma + beta * (1 - 2 * gamma) - beta * (1 - gamma),
        terms=lambda beta, gamma: [[gamma, 1 - beta]],
    ),
    Statement(
        "T3/side",
        "an error above the floor stays above it",
        {**NOISY, "share": UNIT},
        direct=_t3_side_directly,
        terms=_t3_side,
    ),
    Statement(
        "T3/limit",
        "the distance from above to the floor falls by the share beta (1 - gamma) at least",
        {**NOISY, "share": UNIT},
        direct=_t3_limit_directly,
        terms=_t3_limit,
    ),
    Statement(
        "T4/monotone",
        "the correct mass after an iteration does not fall as that before it rises",
        {**SEVERAL, "p": UNIT},
        direct=slope,
        terms=rising,
    ),
    Statement(
        "T4/inequality",
        "e' <= gamma e/A + u^k (1 - beta)",
        {**SEVERAL, "e": UNIT},
        direct=_t4_inequality_directly,
        terms=_t4_inequality,
    ),
    Statement(
        "T4/growth",
        "while R odds(p) <= odds(beta) the odds grow at least R-fold",
        {**SEVERAL, "share": UNIT},
        direct=_t4_growth_directly,
        terms=_t4_growth,
    ),
    Statement(
        "T5/rate",
        "the rate is at most 1 - beta for beta <= 1/2",
        {"beta": (BETA[0], Fraction(1, 2)), "gamma": GAMMA},
        direct=lambda beta, gamma: beta * (1 - 2 * gamma) + gamma - beta,
        terms=lambda beta, gamma: [[gamma, 1 - 2 * beta]],
    ),
    Statement(
        "T5/floor",
        "the floor is at most gamma/beta",
        NOISY,
        direct=lambda beta, gamma: (
            gamma / beta - gamma * (1 - beta) / (gamma + beta * (1 - 2 * gamma))
        ),
        terms=lambda beta, gamma: [
            [
                gamma,
                (beta - gamma) ** 2 + gamma * (1 - gamma),
                1 / beta,
                1 / _exits(beta, gamma),
            ]
        ],
    ),
    Statement(
        "T5/correlated",
        "the floor of correlated votes is at least that of the noise they have in common",
        {**NOISY, "correlation": UNIT, "alone": GAMMA},
        direct=_t5_correlated_directly,
        terms=_t5_correlated,
    ),
    Statement(
        "T6/step",
        "a learner that moves at most eta of its mass adds at most eta to the error",
        {"wrong": UNIT, "eta": UNIT, "share": UNIT},
        # wrong = (1 - beta) e; the learner moves the share of eta from correct to wrong.
        direct=lambda wrong, eta, share: wrong + eta - (wrong + share * eta),
        terms=lambda wrong, eta, share: [[eta, 1 - share]],
    ),
    Statement(
        "T9/rises",
        "filtering alone does not lower the correct mass",
        {"gamma": GAMMA, "p": UNIT},
        direct=lambda gamma, p: (1 - gamma) * p - p * acceptance(gamma, p),
        terms=lambda gamma, p: [[p, 1 - p, 1 - 2 * gamma]],
    ),
    Statement(
        "T10/side",
        "a correct mass above the fixed point stays above it",
        {**EVENLY, "above": UNIT},
        direct=_t10_side_directly,
        terms=_t10_side,
    ),
    Statement(
        "T10/contraction",
        "distances to the fixed point do not grow",
        {**EVENLY, "p": UNIT},
        direct=lambda rate, share, p: 1 - (1 - _t10_point(rate, share)[0]) / (p + rate),
        terms=lambda rate, share, p: [[p, 1 / (p + rate)], [rate, share, 1 / (p + rate)]],
    ),
]
