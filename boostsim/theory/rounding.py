"""What a law loses to rounding: the same formula in many digits, or how an ulp moves it.

A law is any Python function. Where it is made of arithmetic and NumPy's elementary functions it is
evaluated again in decimal numbers, the same on every machine, with so many digits that 1e-290 is
still known beside 1. Where it turns its inputs into floats (``math.exp``, jnp, another law) nobody
sees what is lost on the way: then it may be off by what its inputs' last places do to it, and by
the rounding of numbers of order one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from boostsim.theory.box import Point, call
from boostsim.theory.claim import Claim

DIGITS = Context(
    prec=340, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[InvalidOperation, DivisionByZero, Overflow]
)
EPSILON = float(np.finfo(np.float64).eps)
# Roundings of numbers of order one that a formula may add up.
ROUNDINGS = 8
# What an ulp of an input moves by more than this, relative to it, is a jump and no rounding; and so
# is what misses a polynomial by more than this, relative to it or to 1.
JUMP = 1e-6
# A law above this may be off by roundings of numbers of order one without much harm.
SMALL = 1e-6
# An input is moved by such parts of itself, until the law changes by so much. What a law of which
# rounding left nothing misses by is seen in no narrower window: there it lies on one stair.
WIDTHS, CHANGE = 1e-6 * 4.0 ** np.arange(9), 1e-2
# Irregular, lest a staircase looks smooth: at equal steps it may.
PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43]
NODES = np.array([0.0, *np.sort(np.sqrt(PRIMES) % 1.0)])


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    # As floats have it, 0^0 is 1.
    return base**exponent if exponent else Decimal(1)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.true_divide: operator.truediv,
    np.power: _power,
    np.float_power: _power,
    np.negative: operator.neg,
    np.positive: operator.pos,
    np.absolute: abs,
    np.square: lambda x: x * x,
    np.sqrt: Decimal.sqrt,
    np.exp: Decimal.exp,
    np.log: Decimal.ln,
    np.expm1: lambda x: x.exp() - 1,
    np.log1p: lambda x: (1 + x).ln(),
    np.minimum: min,
    np.maximum: max,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
}


class Digits(NDArrayOperatorsMixin):
    """A number of many digits, which goes through a formula in place of a float."""

    def __init__(self, value: Decimal) -> None:
        """Hold the number."""
        self.value = value

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **more: Any) -> Any:
        """Apply what is known of NumPy; the rest is refused."""
        if function not in FUNCTIONS or method != "__call__" or more:
            return NotImplemented
        result = FUNCTIONS[function](*map(_decimal, inputs))
        return Digits(result) if isinstance(result, Decimal) else bool(result)

    def __bool__(self) -> bool:
        """Whether it is not 0."""
        return bool(self.value)

    def __float__(self) -> float:
        """Refuse to lose digits."""
        raise TypeError("a number of many digits is not to be rounded")


def _decimal(number: Any) -> Decimal:
    if isinstance(number, Digits):
        return number.value
    if isinstance(number, (int, np.integer)):
        return Decimal(int(number))
    if isinstance(number, (float, np.floating)):
        return Decimal(float(number))
    raise TypeError(f"no number: {number!r}")


def in_digits(claim: Claim, point: Point) -> float | None:
    """Return a claim's law at a point, computed in many digits, or None where it cannot be.

    Constants are taken as the floats that are written.

    Example:
        >>> from boostsim.theory.box import Box
        >>> naive = Claim("naive", "s", "f", "equality", Box(x=(0, 1)), lambda x: 1 - (1 - x))
        >>> naive.predicted({"x": 1e-10}), in_digits(naive, {"x": 1e-10})
        (1.000000082740371e-10, 1e-10)
    """
    told = {
        name: Digits(Decimal(float(value))) if isinstance(value, (float, np.floating)) else value
        for name, value in point.items()
    }
    with localcontext(DIGITS):
        try:
            result = call(claim.law, told)
        except Exception:  # A formula may do anything with what it cannot read.
            return None
    return float(result.value) if type(result) is Digits else None


def law_rounding(claim: Claim, point: Point) -> float:
    """Return how far a law that is seen from outside only may be off at a point.

    Eight roundings of the law's own size, and four times what one unit in the last place of each
    real input does to it, for so much a rounding early in the formula may do. Besides, numbers of
    order one may have cancelled: eight roundings of those are added, unless the law is small and
    smooth. Smooth is what a polynomial of degree six fits, up to the former, along an input that
    changes it by a hundredth: what is left of 1 - (1 - x) is a staircase there, and a 0 shows
    nothing at all. Where larger numbers have cancelled, a law is rougher than that: it may be off
    by four times what it misses the polynomial by, up to a millionth, beyond which it jumps.
    """
    value = claim.predicted(point)
    reals = {
        name: float(number)
        for name, number in point.items()
        if isinstance(number, (float, np.floating)) and number != 0.0
    }

    def at(name: str, number: float) -> float | None:
        moved = {**point, name: number}
        inside = claim.domain.contains({axis: moved[axis] for axis in claim.domain.axes})
        return claim.predicted(moved) if inside else None

    moved = 0.0
    for name, number in reals.items():
        near = [at(name, float(np.nextafter(number, end))) for end in (-np.inf, np.inf)]
        steps = [abs(found - value) for found in near if found is not None]
        moved += max([step for step in steps if step <= JUMP * abs(value)], default=0.0)
    off = 4.0 * moved + ROUNDINGS * EPSILON * abs(value)
    rough = [_roughness(partial(at, name), number, value) for name, number in reals.items()]
    seen = [each for each in rough if each is not None]
    smooth = bool(seen) and max(seen) <= 4.0 * off
    cancelled = [each for each in seen if each <= JUMP * max(1.0, abs(value))]
    off = max(off, 4.0 * max(cancelled, default=0.0))
    if smooth and 0.0 < abs(value) < SMALL:
        return off
    return off + order_one(value, *reals.values())


def _roughness(law: Callable[[float], float | None], number: float, value: float) -> float | None:
    """Return by how much a law misses a polynomial on one side of a point or on the other.

    None where it stands still.
    """
    missed = []
    for side in (1.0, -1.0):
        for width in side * WIDTHS * number:
            end = law(number + width)
            if end is None:
                # Out of the domain on this side.
                break
            if abs(end - value) <= CHANGE * abs(value) and abs(width) < WIDTHS[-1] * abs(number):
                continue
            found = [law(number + share * width) for share in NODES]
            size = abs(value) or 1.0
            values = np.array([each for each in found if each is not None]) / size
            if len(values) < len(NODES) or (values == values[0]).all():
                break
            basis = np.polynomial.chebyshev.chebvander(2.0 * NODES - 1.0, 6)
            left = values - basis @ np.linalg.lstsq(basis, values)[0]
            missed.append(float(np.abs(left).max() * size))
            break
    return max(missed, default=None)


def order_one(*numbers: float) -> float:
    """Return eight roundings of the largest of these numbers, or of 1."""
    return ROUNDINGS * EPSILON * max(1.0, *map(abs, numbers))
