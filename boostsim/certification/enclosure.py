"""Closed intervals with exact rational ends: every value that an expression can take, and more.

Nothing is rounded, so a bound that is reached stays reached, and a face of a box is as good as its
inside. An end is infinite only where a denominator comes as near to 0 as one likes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

INFINITY = float("inf")
# A float among ends is infinite; any other would be rounded.
End = int | Fraction | float


@dataclass(frozen=True, eq=False)
class Enclosure:
    """The closed interval [low, high]: + - * / and whole powers of it, and nothing else.

    An expression's enclosure holds all values that it has where its names lie in theirs; where a
    denominator is 0 it has none. A comparison would have one answer for all points of an interval,
    so an expression that compares, branches or rounds is refused.

    Attributes:
        low: the lower end.
        high: the upper end.

    Raises:
        TypeError: for a comparison, a rounding, or what is no whole number, Fraction or interval.
        ZeroDivisionError: where a denominator is 0 throughout.

    Example:
        >>> x = Enclosure(Fraction(0), Fraction(1))
        >>> x * (1 - x), (x - Fraction(1, 2)) ** 2, 1 / (1 + x), 1 / x
        ([0, 1], [0, 1/4], [1/2, 1], [1, inf])
    """

    low: End
    high: End

    def __post_init__(self) -> None:
        """Refuse a float that is not infinite: it would be taken for one that is."""
        for end in (self.low, self.high):
            if isinstance(end, float) and abs(end) != INFINITY:
                raise TypeError(f"an end of {end!r}")

    def __repr__(self) -> str:
        """Show both ends."""
        return f"[{self.low}, {self.high}]"

    def __add__(self, other: Any) -> Enclosure:
        """Add end by end."""
        other = enclosure(other)
        return Enclosure(_plus(self.low, other.low), _plus(self.high, other.high))

    def __mul__(self, other: Any) -> Enclosure:
        """Multiply: the extremes lie at the ends."""
        other = enclosure(other)
        pairs = itertools.product((self.low, self.high), (other.low, other.high))
        ends = [_times(*pair) for pair in pairs]
        return Enclosure(min(ends), max(ends))

    def __pow__(self, power: Any) -> Enclosure:
        """Raise to a whole power; an even one is nowhere negative."""
        if not isinstance(power, int):
            raise TypeError(f"a power of {power!r}")
        if power == 0:
            return enclosure(1)
        if power < 0:
            return 1 / self**-power
        ends = [self.low**power, self.high**power]
        if power % 2 == 0 and self.low < 0 < self.high:
            ends.append(0)
        return Enclosure(min(ends), max(ends))

    def __truediv__(self, other: Any) -> Enclosure:
        """Divide, wherever the denominator is not 0."""
        low, high = (other := enclosure(other)).low, other.high
        if low == high == 0:
            raise ZeroDivisionError("a denominator that is 0")
        if low < 0 < high:
            return self * Enclosure(-INFINITY, INFINITY)
        return self * Enclosure(
            _inverse(high) if high else -INFINITY, _inverse(low) if low else INFINITY
        )

    def __neg__(self) -> Enclosure:
        """Change the sign."""
        return self * -1

    def __pos__(self) -> Enclosure:
        """Leave it."""
        return self

    def __sub__(self, other: Any) -> Enclosure:
        """Subtract end by end."""
        return self + -enclosure(other)

    def __rsub__(self, other: Any) -> Enclosure:
        """Subtract end by end."""
        return enclosure(other) - self

    def __rtruediv__(self, other: Any) -> Enclosure:
        """Divide, wherever it is not 0."""
        return enclosure(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def _refused(self, *_: Any) -> Any:
        raise TypeError("a comparison, a branch, or a rounding")

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = __int__ = __abs__ = _refused
    __floordiv__ = __mod__ = __round__ = __floor__ = __ceil__ = __rpow__ = _refused
    __eq__ = __ne__ = _refused


def enclosure(value: Any) -> Enclosure:
    """Return an exact number, or an interval, as an interval.

    Raises:
        TypeError: for anything else: a float is rounded.
    """
    if isinstance(value, Enclosure):
        return value
    if not isinstance(value, (int, Fraction)):
        raise TypeError(f"a name with {value!r}")
    return Enclosure(value, value)


def _plus(left: End, right: End) -> End:
    # A Fraction beside a float would become one; infinite ends that meet are of one sign.
    infinite = [end for end in (left, right) if isinstance(end, float)]
    return infinite[0] if infinite else left + right


def _times(left: End, right: End) -> End:
    if not (left and right):
        # Also beside what grows without bound: at every point it is 0.
        return 0
    if isinstance(left, float) or isinstance(right, float):
        return INFINITY if (left > 0) == (right > 0) else -INFINITY
    return left * right


def _inverse(end: End) -> End:
    return 0 if end in (INFINITY, -INFINITY) else 1 / Fraction(end)
