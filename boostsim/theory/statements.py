"""One-step statements: what can be proved over whole boxes of parameters, in exact arithmetic.

Iterating a recursion over a wide box blows up, so each theorem rests here on one iteration. Every
statement says that a number is not negative on a box, and writes that number twice: as the theorem
has it, and as a sum of products of factors that are not negative. An interval around a difference
of wide intervals loses its sign where factors keep theirs. All is written with + - * / and whole
powers, so it takes fractions, intervals and symbols alike.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from boostsim.arguments import refuse, text
from boostsim.objects import ByReference, Named
from boostsim.theory.step import boosting_step

# A box: rational ends for each name, or a list of whole numbers.
Ends = tuple[Fraction, Fraction]
# A sum of products.
Terms = Sequence[Sequence[Any]]
UNIT = (Fraction(0), Fraction(1))
BETA = (Fraction(1, 100), Fraction(1))
GAMMA = (Fraction(0), Fraction(45, 100))
ATTEMPTS = list(range(1, 17))


@dataclass(frozen=True)
class Statement(ByReference):
    """A number that is not negative on a box: ``direct(...) >= 0``.

    Attributes:
        name: the theorem that rests on it, a stroke, and a word.
        sentence: what it says.
        box: for each name a pair of ends, Fractions or whole numbers, or a list of whole numbers.
        direct: the number as the theorem has it, a rational function of the names.
        terms: the same number as a sum of products: a function that returns a list of terms, each a
            list of factors, none of which is negative in the box.

    Raises:
        ValueError: for a box with no axis, an end that is not an exact rational, or functions of
            other names.

    Example:
        >>> parabola = Statement(
        ...     "mine/parabola",
        ...     "x (1 - x) is not negative on the unit interval",
        ...     {"x": (0, 1)},
        ...     direct=lambda x: x - x**2,
        ...     terms=lambda x: [[x, 1 - x]],
        ... )
        >>> parabola.slack(x=Fraction(1, 3))
        Fraction(2, 9)
    """

    listed_in = ("boostsim.theory.statements",)

    name: str
    sentence: str
    box: Mapping[str, Ends | Sequence[int]]
    direct: Callable[..., Any]
    terms: Callable[..., Terms]

    def __post_init__(self) -> None:
        """Refuse a box that is none, and make its ends fractions."""
        text("name", self.name)
        text("sentence", self.sentence)
        if not isinstance(self.box, Mapping) or not self.box:
            raise refuse("box", "ends for at least one name", self.box)
        box = {name: _axis(name, axis) for name, axis in self.box.items()}
        object.__setattr__(self, "box", Named(box))
        for field in ("direct", "terms"):
            try:
                inspect.signature(getattr(self, field)).bind(**box)
            except (TypeError, ValueError) as error:
                allowed = f"a function of {', '.join(box)}"
                raise refuse(f"{field} of statement {self.name!r}", allowed, str(error)) from None

    def slack(self, **point: Any) -> Any:
        """Return the sum of the products of the factors."""
        return sum(math.prod(factors) for factors in self.terms(**point))


def _axis(name: str, axis: Any) -> Ends | list[int]:
    allowed = "a pair of ends, Fractions or whole numbers, or a list of whole numbers"
    kinds = (int,) if isinstance(axis, list) else (int, Fraction)
    exact = isinstance(axis, (tuple, list)) and all(type(end) in kinds for end in axis)
    if not exact or not axis:
        raise refuse(name, allowed, axis, "A float is rounded: write Fraction('0.1') for 1/10.")
    if isinstance(axis, list):
        return list(axis)
    if len(axis) != 2 or axis[0] >= axis[1]:
        raise refuse(name, "a pair of ends, the lower one first", axis)
    return Fraction(axis[0]), Fraction(axis[1])


def _accepted(gamma: Any, p: Any) -> Any:
    """A, the probability that one attempt is accepted."""
    return gamma * (1 - p) + (1 - gamma) * p


def _rejected(gamma: Any, p: Any) -> Any:
    """B = 1 - A, as a sum of products."""
    return (1 - gamma) * (1 - p) + gamma * p


def _geometric(ratio: Any, terms: int) -> Any:
    """1 + ratio + ... + ratio^(terms - 1)."""
    total = 1
    for _ in range(terms - 1):
        total = 1 + ratio * total
    return total


def _rate(beta: Any, gamma: Any) -> Any:
    """T3's rate, as a sum of products."""
    return (1 - gamma) * (1 - beta) + gamma * beta


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


def _t4_monotone(beta: Any, gamma: Any, attempts: int, p: Any) -> Terms:
    accepted, rejected = _accepted(gamma, p), _rejected(gamma, p)
    # 1 + ... + B^(k-1) is k B^(k-1) and more, every difference of powers a multiple of A.
    more = [
        [rejected] * power
        + [accepted, _geometric(rejected, attempts - 1 - power), gamma, 1 - gamma]
        for power in range(attempts - 1)
    ]
    return [*more, [attempts] + [rejected] * (attempts - 1) + [_rate(beta, gamma), accepted]]


def _t4_monotone_directly(beta: Any, gamma: Any, attempts: int, p: Any) -> Any:
    """The derivative of the correct mass after an iteration by that before, times A."""
    accepted = _accepted(gamma, p)
    rejected = 1 - accepted
    return _geometric(rejected, attempts) * gamma * (1 - gamma) + attempts * rejected ** (
        attempts - 1
    ) * (1 - 2 * gamma) * ((1 - gamma) * p - beta * accepted)


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
_ALL = [
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
        direct=_t4_monotone_directly,
        terms=_t4_monotone,
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
        direct=lambda gamma, p: (1 - gamma) * p - p * _accepted(gamma, p),
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
STATEMENTS = Named({statement.name: statement for statement in _ALL})
