"""How much of a task an iteration sees: one value, made of the arguments of ``bs.simulate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from boostsim.arguments import finite, flag, refuse, whole, wholes


@dataclass(frozen=True)
class Population:
    """Infinitely many visits to each prompt: an exact run."""


@dataclass(frozen=True)
class VisitsEach:
    """A finite number of visits to each prompt that is visited.

    Attributes:
        visits: v, at least 1; or one number for each iteration.
        visited_share: probability in (0, 1] that a prompt is visited in an iteration.
    """

    visits: int | tuple[int, ...]
    visited_share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no visits can be."""
        object.__setattr__(self, "visits", wholes("visits", self.visits, 1))
        share = finite("visited_share", self.visited_share, 0.0, 1.0)
        if share == 0.0:
            raise refuse("visited_share", "above 0, for nothing would ever happen", share)
        object.__setattr__(self, "visited_share", share)

    @property
    def each(self) -> tuple[int, ...]:
        """The visits of the first iterations; those that follow have as many as the last."""
        return self.visits if isinstance(self.visits, tuple) else (self.visits,)

    @property
    def most(self) -> int:
        """The largest number of them."""
        return max(self.each)

    def at(self, iteration: int) -> int:
        """Return those of one iteration, counted from 1; before it those of the first."""
        return self.each[min(max(iteration, 1), len(self.each)) - 1]

    def lasting(self, iterations: int) -> None:
        """Refuse a schedule that is shorter than a run."""
        if isinstance(self.visits, tuple) and len(self.visits) < iterations:
            allowed = f"one number, or one for each of {iterations} iterations"
            raise refuse("visits", allowed, len(self.visits))


@dataclass(frozen=True)
class ExactVisits(VisitsEach):
    """The same, and not drawn: the law of all that they may show."""


@dataclass(frozen=True)
class FreshPrompts:
    """One visit to each of so many prompts, drawn anew in each iteration.

    Attributes:
        prompts: their number, at least 1.
    """

    prompts: int = 2048

    def __post_init__(self) -> None:
        """Refuse what no number of prompts can be."""
        object.__setattr__(self, "prompts", whole("prompts_per_iteration", self.prompts, 1))


@dataclass(frozen=True)
class Pool(FreshPrompts):
    """One visit to each of so many prompts, chosen in each iteration from a pool drawn once.

    Attributes:
        size: prompts in the pool, at least as many as are visited in an iteration.
    """

    size: int = 2048

    def __post_init__(self) -> None:
        """Refuse a pool that does not hold an iteration's prompts."""
        super().__post_init__()
        object.__setattr__(self, "size", whole("pool", self.size, 1))
        if self.size < self.prompts:
            allowed = f"at least the {self.prompts} prompts of an iteration"
            raise refuse("pool", allowed, self.size)


Seeing = Population | VisitsEach | FreshPrompts | Pool


def seeing(
    *,
    visits: int | Sequence[int] | None = None,
    visited_share: float = 1.0,
    prompts_per_iteration: int | None = None,
    pool: int | None = None,
    exact: bool = False,
    otherwise: Seeing = Population(),
) -> Seeing:
    """Return what these arguments of ``bs.simulate`` say, or what holds where they say nothing.

    Raises:
        ValueError: for an argument that is out of range or does not fit the others.
    """
    if flag("exact", exact) or visits is not None:
        for name, value in (("prompts_per_iteration", prompts_per_iteration), ("pool", pool)):
            if value is not None:
                raise refuse(name, "None where every prompt is visited", value)
    if visits is not None:
        each: Any = visits
        return (ExactVisits if exact else VisitsEach)(each, visited_share)
    if finite("visited_share", visited_share, 0.0, 1.0) != 1.0:
        raise refuse("visited_share", "1 in an exact run", visited_share, "Give visits as well.")
    if exact:
        return Population()
    drawn = FreshPrompts() if prompts_per_iteration is None else FreshPrompts(prompts_per_iteration)
    if pool is not None:
        return Pool(drawn.prompts, pool)
    return otherwise if prompts_per_iteration is None else drawn
