"""What a search for a counterexample found, and how hard it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boostsim.certification.readings import against, read_at, shown
from boostsim.html import Shown
from boostsim.objects import ByValue, as_json
from boostsim.theory.box import Point
from boostsim.theory.claim import Claim


@dataclass(frozen=True, eq=False)
class Falsification(Shown, ByValue):
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

    @property
    def finished(self) -> bool:
        """Whether something was tried, and all that was to be tried."""
        points = self.tried["exact_points"] + self.tried["sampled_points"]
        return points > 0 and not self.tried["stopped"]

    def __repr__(self) -> str:
        """Name the claim and what was found."""
        found = "none found" if self.counterexample is None else shown(self.counterexample)
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
                    f" The nearest miss, at {shown(nearest['point'])}, is "
                    f"{abs(nearest['excess']):.2g} of the law from violating it."
                )
            if not self.finished and not tried["stopped"]:
                text += " Nothing was tried: the claim is made for no run of the levels asked for."
            if tried["stopped"]:
                text += " Time ran out before all of it was tried."
            if self.claim.along is not None and tried["exact_points"]:
                text += f" The limit was {read_at(self.claim, self.conditions['ladder'])}."
            return text
        exactly = "rounding"
        if self.claim.along is not None and self.level == "exact":
            exactly = f"what is left to go, {read_at(self.claim, self.conditions['ladder'])}"
        known = f"with confidence {self.conditions['confidence']:g}"
        if self.level == "exact":
            known = f"exactly, up to {exactly}"
        read = self.measured, self.law, self.low, self.high
        return (
            f"{self.claim.name} is false at {shown(self.counterexample)}: "
            f"{against(self.claim, f' ({known})', *read)}. Found by {self.found_by}, made simpler "
            f"by {tried['shrinks']} more points. {effort}"
        )

    def to_json(self) -> str:
        """Return everything as JSON; what does not apply is null."""
        record = {
            "claim": self.claim.name,
            "kind": self.claim.kind,
            "domain": repr(self.claim.domain),
            "counterexample": self.counterexample,
            "level": self.level,
            **{name: getattr(self, name) for name in ("measured", "law", "low", "high")},
            "found_by": self.found_by,
            "tried": self.tried,
            "conditions": self.conditions,
            "seconds": self.seconds,
        }
        return as_json(record)
