"""What a claim is: a statement with its kind, the domain on which it is made, and its law.

A claim says nothing of how it is measured; theory does not know the simulator.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from boostsim.arguments import Words, choice, first_line, real, refuse, text
from boostsim.html import card
from boostsim.mode import fixed
from boostsim.objects import ByReference
from boostsim.theory.box import LISTED_IN, Box, Point, call, refuse_other_names
from boostsim.theory.typeset import latex

KINDS = ("equality", "upper", "lower", "limit")
# Columns of a certificate's table, beside the names of the domain.
TAKEN = ("level", "measured", "law", "low", "high", "samples", "verdict", "why")
DIRECTIONS = ("either", "above", "below")


@dataclass(frozen=True)
class Claim(ByReference):
    """A statement that can be checked.

    Attributes:
        name: under which it is listed.
        statement: in words.
        formula: in symbols.
        kind: ``"equality"``, ``"upper"`` (what is measured is at most the law), ``"lower"`` (at
            least), or ``"limit"`` (it tends to the law as ``along`` grows; where the law depends on
            ``along``, the ratio tends to one).
        domain: a :class:`Box`, the points at which the statement is made.
        law: a function of some of the domain's names, the predicted value or bound; in float64, jnp
            too. What it loses to rounding contradicts no claim: where arithmetic and NumPy's
            elementary functions are all it does, it is evaluated again in many digits.
        along: of a limit, what grows: ``"iterations"`` or another name, which is no axis of the
            domain.
        direction: of a limit, the side from which it is reached: ``"above"``, ``"below"`` or
            ``"either"``.
        proof: why it is true.
        reference: where it comes from.

    Raises:
        ValueError: for a claim without a domain, or of an unknown kind.

    Example:
        >>> halving = Claim(
        ...     name="halving",
        ...     statement="Labels that are right half of the time halve the error.",
        ...     formula="e_T = 2^-T e_0",
        ...     kind="equality",
        ...     domain=Box(initial_error=(0.0, 1.0), iterations=range(0, 9)),
        ...     law=lambda initial_error, iterations: 0.5**iterations * initial_error,
        ... )
        >>> halving.predicted({"initial_error": 0.8, "iterations": 2})
        0.2
    """

    listed_in = (LISTED_IN,)

    name: str
    statement: str
    formula: str
    kind: str
    domain: Box
    law: Callable[..., Any]
    along: str | None = None
    direction: str = "either"
    proof: str = ""
    reference: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be checked."""
        for field in ("name", "statement", "formula", "proof", "reference", "title"):
            text(f"{field} of a claim", getattr(self, field))
        choice("kind", self.kind, KINDS)
        choice("direction", self.direction, DIRECTIONS)
        if not isinstance(self.domain, Box):
            raise refuse(
                f"domain of claim {self.name!r}",
                "a bs.Box",
                self.domain,
                "For example bs.Box(beta=(0.1, 1.0), iterations=range(1, 9)): without a domain "
                "nothing is claimed.",
            )
        for name in self.domain.axes:
            if name in TAKEN:
                raise refuse(
                    f"domain of claim {self.name!r}",
                    f"without an axis called {', '.join(TAKEN)}, which certificates use",
                    name,
                )
        if not callable(self.law):
            raise refuse(
                f"law of claim {self.name!r}", "a function of the domain's names", self.law
            )
        if (self.kind == "limit") != (self.along is not None):
            raise refuse(
                f"along of claim {self.name!r}",
                "what grows, for a limit" if self.kind == "limit" else "left out, unless a limit",
                self.along,
            )
        if self.along in self.domain.axes:
            raise refuse(f"along of claim {self.name!r}", "no axis of its domain", self.along)
        known = [*self.domain.axes, *([self.along] if self.along else [])]
        refuse_other_names(f"law of claim {self.name!r}", self.law, known)

    def _repr_html_(self) -> str:
        facts = {"kind": self.kind, "domain": self.domain, "because": self.proof}
        if self.along:
            facts["as this grows"] = self.along
        facts["source"] = self.reference
        told = {name: each for name, each in facts.items() if each}
        title = f"{self.name}: {self.title}" if self.title else self.name
        return card(title, self.statement, formula=latex(self.formula), facts=told)

    def predicted(self, point: Point) -> float:
        """Return the law's value at a point.

        Raises:
            ValueError: where it is no number, or the law raises.
        """
        try:
            # A law written in jnp is computed in float64, too.
            with fixed(double=True):
                value = call(self.law, point)
        except ValueError:
            # What a law refuses itself, a rate out of its domain for example, is told as it stands.
            raise
        except Exception as error:
            allowed = f"a function that returns a number at {point}"
            raise refuse(
                f"law of claim {self.name!r}", allowed, Words(first_line(error))
            ) from error
        if value is None:
            raise refuse(f"law of claim {self.name!r}", f"one number at {point}", None)
        try:
            number = float(real(value))
        except (TypeError, ValueError, OverflowError):
            raise refuse(f"law of claim {self.name!r}", f"one number at {point}", value) from None
        if math.isnan(number):
            raise refuse(
                f"law of claim {self.name!r}",
                f"a number at {point}",
                number,
                "Narrow the domain, or mend the law.",
            )
        return number
