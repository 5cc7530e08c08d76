"""T16 and T17: labels of a weight, attempts until one is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from boostsim.theory.statement import Ends, Statement, Terms
from boostsim.theory.statements.shared import (
    ATTEMPTS,
    BETA,
    GAMMA,
    LIGHT,
    UNIT,
    WEIGHT,
    acceptance,
    geometric,
    rejection,
    rising,
)
from boostsim.theory.step import weighted_step


def _powers(ratio: Any, first: int, end: int) -> Any:
    return sum(ratio**power for power in range(first, end))


def _t16_step(beta: Any, attempts: int, weight: Any, e: Any) -> Terms:
    solved = 1 - e**attempts
    whole = weight + (1 - weight) * solved
    return [[1 - beta, e**attempts, 1 - weight, solved, 1 / whole]]


def _t16_odds_directly(beta: Any, weight: Any, e: Any) -> Any:
    error = weighted_step(beta, 0, 1, weight, e)
    return (1 - beta) * weight * e * (1 - error) - (1 - e) * error


def _t16_slope(beta: Any, gamma: Any, attempts: int, weight: Any, p: Any) -> Any:
    """The derivative of the correct mass, times A and the square of what is trained on."""
    accepted = acceptance(gamma, p)
    rejected = 1 - accepted
    trained = 1 - rejected**attempts + weight * rejected**attempts
    spared = (1 - gamma) * p - beta * accepted
    return (
        geometric(rejected, attempts) * gamma * (1 - gamma) * trained
        + weight * attempts * rejected ** (attempts - 1) * (1 - 2 * gamma) * spared
    )


def _t16_monotone(beta: Any, gamma: Any, attempts: int, weight: Any, p: Any) -> Terms:
    # w times T4's, and what is trained on beyond w: (1 - w)(1 - B^k).
    accepted, kept = acceptance(gamma, p), geometric(rejection(gamma, p), attempts)
    more = [1 - weight, accepted, kept, kept, gamma, 1 - gamma]
    return [*([weight, *term] for term in rising(beta, gamma, attempts, p)), more]


def _t16_heavy(beta: Any, gamma: Any, weight: Any, p: Any) -> Terms:
    accepted = acceptance(gamma, p)
    return [
        [accepted, gamma, 1 - gamma],
        [accepted, weight, (1 - gamma) ** 2, 1 - beta],
        [accepted, weight, gamma**2, beta],
    ]


def _t16_lighter_directly(
    beta: Any, gamma: Any, attempts: int, weight: Any, part: Any, share: Any
) -> Any:
    error = share * (1 - beta)
    heavy, light = (
        weighted_step(beta, gamma, attempts, each, error) for each in (weight, part * weight)
    )
    return heavy - light


def _t16_lighter(beta: Any, gamma: Any, attempts: int, weight: Any, part: Any, share: Any) -> Terms:
    p = 1 - share * (1 - beta)
    accepted, rejected = acceptance(gamma, p), rejection(gamma, p)
    terms, failed = geometric(rejected, attempts), rejected**attempts
    both = [1 / (accepted * terms + each * failed) for each in (weight, part * weight)]
    apart = [1 - beta, terms, failed, weight, 1 - part, *both]
    return [[*apart, gamma, 1 - share], [*apart, 1 - 2 * gamma, p]]


def _t16_share_directly(beta: Any, attempts: int, label_share: Any, hard_share: Any, e: Any) -> Any:
    # Of all prompts h e^k are labelled, and for 1 - h e^k a response is kept.
    failed = hard_share * e**attempts
    weight = label_share / (1 - label_share) * (1 - failed) / failed
    error = weighted_step(beta, 0, attempts, weight, e)
    return error - label_share * (1 - beta) / ((1 - label_share) * hard_share + label_share)


def _t16_share(beta: Any, attempts: int, label_share: Any, hard_share: Any, e: Any) -> Terms:
    power, accepted = e**attempts, 1 - label_share
    whole = hard_share * accepted * (1 - power) + label_share * (1 - hard_share * power)
    least = accepted * hard_share + label_share
    moved = [1 - beta, label_share, accepted, hard_share, 1 - hard_share]
    return [[*moved, power, 1 / whole, 1 / least]]


def _tries(acceptance: Any, attempts: int) -> Any:
    """T17: attempts until one is accepted."""
    return (1 - (1 - acceptance) ** attempts) / acceptance


def _t17_most(acceptance: Any, attempts: int) -> Terms:
    spared = sum(_powers(1 - acceptance, 0, made) for made in range(1, attempts))
    return [[acceptance, spared]]


def _t17_falls(acceptance: Any, attempts: int) -> Terms:
    rejected = 1 - acceptance
    fallen = sum(
        rejected**made * _powers(rejected, 0, attempts - 1 - made) for made in range(attempts - 1)
    )
    return [[acceptance, acceptance, fallen]]


LABELS: dict[str, Ends | Sequence[int]] = {"beta": BETA, "attempts": ATTEMPTS, "weight": LIGHT}
TRIED: dict[str, Ends | Sequence[int]] = {"acceptance": UNIT, "attempts": ATTEMPTS}
STATEMENTS = [
    Statement(
        "T16/step",
        "with a perfect filter light labels leave no more than (1 - beta) e^k",
        {**LABELS, "e": UNIT},
        direct=lambda beta, attempts, weight, e: (
            (1 - beta) * e**attempts - weighted_step(beta, 0, attempts, weight, e)
        ),
        terms=_t16_step,
    ),
    Statement(
        "T16/odds",
        "with a perfect filter and one attempt the odds grow by 1/((1 - beta) w) at least",
        {"beta": BETA, "weight": WEIGHT, "e": UNIT},
        direct=_t16_odds_directly,
        terms=lambda beta, weight, e: [[1 - beta, beta, weight**2, e**2, 1 / (1 - e + weight * e)]],
    ),
    Statement(
        "T16/monotone",
        "with light labels the correct mass does not fall as that before it rises",
        {**LABELS, "gamma": GAMMA, "p": UNIT},
        direct=_t16_slope,
        terms=_t16_monotone,
    ),
    Statement(
        "T16/heavy",
        "nor does it with one attempt, whatever labels weigh",
        {"beta": BETA, "gamma": GAMMA, "weight": WEIGHT, "p": UNIT},
        direct=lambda beta, gamma, weight, p: _t16_slope(beta, gamma, 1, weight, p),
        terms=_t16_heavy,
    ),
    Statement(
        "T16/lighter",
        "from an error of at most 1 - beta lighter labels do not leave more",
        {**LABELS, "gamma": GAMMA, "weight": WEIGHT, "part": LIGHT, "share": UNIT},
        direct=_t16_lighter_directly,
        terms=_t16_lighter,
    ),
    Statement(
        "T16/share",
        "with a share of all examples hard prompts stay above its stall at many attempts",
        {
            "beta": BETA,
            "attempts": ATTEMPTS,
            "label_share": (Fraction(1, 100), Fraction(99, 100)),
            "hard_share": (Fraction(1, 100), Fraction(1)),
            "e": UNIT,
        },
        direct=_t16_share_directly,
        terms=_t16_share,
    ),
    Statement(
        "T17/least",
        "a visit makes at least one attempt",
        TRIED,
        direct=lambda acceptance, attempts: _tries(acceptance, attempts) - 1,
        terms=lambda acceptance, attempts: [[_powers(1 - acceptance, 1, attempts)]],
    ),
    Statement(
        "T17/most",
        "a visit that stops at the first accepted attempt makes at most k",
        TRIED,
        direct=lambda acceptance, attempts: attempts - _tries(acceptance, attempts),
        terms=_t17_most,
    ),
    Statement(
        "T17/falls",
        "the attempts made do not rise as more are accepted",
        TRIED,
        # Minus the derivative, times A^2.
        direct=lambda acceptance, attempts: (
            1
            - (1 - acceptance) ** attempts
            - attempts * acceptance * (1 - acceptance) ** (attempts - 1)
        ),
        terms=_t17_falls,
    ),
]
