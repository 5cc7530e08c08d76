"""What a search for a counterexample found, and how hard it was."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from boostsim.objects import ByValue
from boostsim.theory.claim import Claim, Point

__all__ = ["Falsification"]


@dataclass(frozen=True, eq=False)
class Falsification(ByValue):
    """What :func:`boostsim.falsify` found.

    Attributes:
        claim: what was claimed.
        counterexample: the simplest point found at which it is false, or None.
        level: ``"exact"`` or ``"statistical"``: how it is known to be false; None where it is not.
        measured, law, low, high: what was measured there, and what the law says. An exact value is
            known up to rounding (of a limit: up to what is left to go), a sampled one with the
            confidence of the search.
        found_by: ``"search"`` or ``"ascent"``; None where nothing was found.
        tried: how hard it was tried: points by level, ascents and their gradients, draws, points
            tried to make it simpler, and the nearest miss.
        conditions: examples, ascents, samples, confidence, key.
        seconds: how long it took.
    """

    claim: Claim
    counterexample: Point | None
    level: str | None
    measured: float
    law: float
    low: float
    high: float
    found_by: str | None
    tried: dict[str, Any]
    conditions: dict[str, Any]
    seconds: float

    def __bool__(self) -> bool:
        """Whether a counterexample was found."""
        return self.counterexample is not None

    def __repr__(self) -> str:
        """Name the claim and what was found."""
        found = "none found" if self.counterexample is None else _told(self.counterexample)
        return f"<Falsification of {self.claim.name}: {found}>"

    def summary(self) -> str:
        """Return a few plain sentences."""
        tried = self.tried
        effort = (
            f"Tried: {tried['exact_points']} points exactly, {tried['ascents']} ascents of "
            f"{tried['gradients']} gradients in all, {tried['sampled_points']} points by "
            f"{tried['draws']:,} draws, {self.seconds:.1f} s."
        )
        if self.counterexample is None:
            text = f"{self.claim.name}: no counterexample found. {effort}"
            nearest = tried["nearest"]
            if nearest is not None:
                text += (
                    f" The nearest miss, at {_told(nearest['point'])}, is "
                    f"{abs(nearest['excess']):.2g} of the law from violating it."
                )
            if tried["stopped"]:
                text += " Time ran out before all of it was tried."
            return text
        word = {"upper": "at most ", "lower": "at least "}.get(self.claim.kind, "")
        exactly = "what is left to go" if self.claim.kind == "limit" else "rounding"
        known = (
            f"exactly, up to {exactly}"
            if self.level == "exact"
            else f"with confidence {self.conditions['confidence']:g}"
        )
        return (
            f"{self.claim.name} is false at {_told(self.counterexample)}: measured "
            f"{self.measured:.6g}, in [{self.low:.6g}, {self.high:.6g}] ({known}), where the law "
            f"says {word}{self.law:.6g}. Found by {self.found_by}, made simpler by "
            f"{tried['shrinks']} more points. {effort}"
        )

    def to_json(self) -> str:
        """Return everything as JSON; what does not apply is null."""

        def number(value: float) -> float | None:
            return value if math.isfinite(value) else None

        record = {
            "claim": self.claim.name,
            "kind": self.claim.kind,
            "domain": repr(self.claim.domain),
            "counterexample": self.counterexample,
            "level": self.level,
            **{name: number(getattr(self, name)) for name in ("measured", "law", "low", "high")},
            "found_by": self.found_by,
            "tried": self.tried,
            "conditions": self.conditions,
            "seconds": self.seconds,
        }
        return json.dumps(record, indent=2, default=float)


def _told(point: Point) -> str:
    return ", ".join(
        f"{name} = {value:.6g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in point.items()
    )
