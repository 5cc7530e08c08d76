"""What of a figure may be changed: the keyword arguments of its ``data``, by name, each refused.

One name means one thing in all figures; where a figure takes several values (its default is a
tuple), one value alone is taken too.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from boostsim.arguments import finite, refuse, several, unknown, whole

# A colour each.
MOST = 7


@dataclass(frozen=True)
class Range:
    """What a parameter is, and the numbers that it may be.

    Attributes:
        low: the lowest.
        high: the highest.
        meaning: in a few words.
        whole: whole numbers alone.
        odd: odd ones alone.
        lows: the lowest of figures for which it is a higher one.
        highs: the highest of figures for which it is a lower one.
    """

    low: float
    high: float
    meaning: str
    whole: bool = False
    odd: bool = False
    lows: Mapping[str, float] = field(default_factory=dict)
    highs: Mapping[str, float] = field(default_factory=dict)

    def of(self, figure: str) -> Range:
        """Return what the parameter may be in a figure."""
        low, high = self.lows.get(figure, self.low), self.highs.get(figure, self.high)
        return replace(self, low=low, high=high, lows={}, highs={})

    def checked(self, name: str, got: Any) -> float | int:
        """Return a value of the parameter, or refuse it."""
        if not self.whole:
            return finite(name, got, self.low, self.high)
        allowed = f"a whole number in [{self.low:g}, {self.high:g}]"
        allowed += ", and odd" if self.odd else ""
        try:
            value = whole(name, got, int(self.low), int(self.high))
        except ValueError:
            raise refuse(name, allowed, got) from None
        if self.odd and value % 2 == 0:
            raise refuse(name, allowed, got)
        return value


RANGES = {
    # T15, in freshness, asks that a persistent filter likes some of a labeler's wrong answers.
    "beta": Range(0.01, 1.0, "share of right labels", highs={"freshness": 0.99}),
    "gamma": Range(0.0, 0.45, "noise of the filter", lows={"freshness": 0.01}),
    # A gradient that compares the attempts of a visit has nothing to compare one with.
    "attempts": Range(1, 64, "responses a visit, k", whole=True, lows={"updates": 2}),
    "votes": Range(1, 99, "looks of the filter at a response", whole=True, odd=True),
    "labels": Range(0.05, 1.0, "labels per visit, of a whole run"),
    # Rules that buy nothing cannot be told apart.
    "budget": Range(0.0, 1.0, "most labels per visit and iteration", lows={"leaderboard": 0.001}),
    "iterations": Range(2, 1000, "iterations of a run", whole=True),
    "visits": Range(1, 10_000, "visits to a prompt and iteration, where sampled", whole=True),
    "responses": Range(3, 1000, "responses of a prompt", whole=True),
    "solvable": Range(0.0, 1.0, "share of prompts that the first model can solve"),
    "real_share": Range(0.001, 1.0, "real examples per visit"),
    "rate": Range(0.001, 10.0, "rate of the policy gradients"),
    "trained": Range(0.2, 0.9, "share of a log's iterations that are fitted"),
    "target": Range(1e-4, 0.4, "error to be reached"),
    "true_accept": Range(0.5, 1.0, "share of right responses that the verifier accepts"),
    "false_accept": Range(0.001, 0.5, "share of wrong responses that it accepts"),
}


def defaults_of(module: ModuleType) -> dict[str, Any]:
    """Return the parameters of a figure's module with their defaults."""
    found = inspect.signature(module.data).parameters.values()
    return {each.name: each.default for each in found if each.kind is each.KEYWORD_ONLY}


def checked(module: ModuleType, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that were given, as numbers; one alone as a tuple where several may be.

    Raises:
        ValueError: for one that the figure does not have, and for a value that it may not be.
    """
    figure, defaults = module.__name__.rpartition(".")[2], defaults_of(module)
    found: dict[str, Any] = {}
    for name, got in given.items():
        if not defaults:
            raise ValueError(f"figure {figure} takes no parameters; got {name!r}")
        if name not in defaults:
            raise unknown(f"a parameter of figure {figure}", name, defaults)
        allowed = RANGES[name].of(figure)
        if not isinstance(defaults[name], tuple):
            found[name] = allowed.checked(name, got)
            continue
        values = [got] if _alone(got) else several(name, f"a number or 1 to {MOST}", got)
        values = [allowed.checked(name, value) for value in values]
        if not 1 <= len(values) <= MOST or len({*values}) < len(values):
            raise refuse(name, f"a number or up to {MOST} different ones", got)
        found[name] = tuple(sorted(values))
    return found


def _alone(got: Any) -> bool:
    return isinstance(got, str) or not hasattr(got, "__len__") or getattr(got, "ndim", 1) == 0


def accepted(function: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the parameters that a function takes."""
    takes = inspect.signature(function).parameters
    return {name: value for name, value in given.items() if name in takes}
