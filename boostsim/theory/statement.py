"""What a one-step statement is: a number that is not negative on a box, written twice.

An interval around a difference of wide intervals loses its sign where factors keep theirs: so the
number is written as the theorem has it, and as a sum of products of factors that are not negative.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from boostsim.arguments import refuse, text
from boostsim.html import card
from boostsim.objects import ByReference, Named

# A box: rational ends for each name, or a list of whole numbers.
Ends = tuple[Fraction, Fraction]
# A sum of products.
Terms = Sequence[Sequence[Any]]


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

    def _repr_html_(self) -> str:
        box = {
            name: f"from {ends[0]} to {ends[1]}" if isinstance(ends, tuple) else list(ends)
            for name, ends in self.box.items()
        }
        return card(self.name, f"{self.sentence}.", facts=box)

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
