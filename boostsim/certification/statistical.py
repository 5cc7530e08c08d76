"""Statistical certificates: sampled runs, intervals, and one error probability for all of them.

The data of a point are looked at a few times, each time twice as many. The error probability
of a report is divided evenly over its points and their looks (a union bound), so that a true claim
is called violated with at most that probability, however many looks there are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from boostsim.arguments import refuse
from boostsim.certification.intervals import Interval, mean_interval
from boostsim.certification.measurement import Measurement
from boostsim.certification.readings import Reading, judge_interval
from boostsim.certification.runs import Sampled
from boostsim.theory.box import Point
from boostsim.theory.claim import Claim

# Most draws of the statistic in one run, and how many times as many the next look has.
UNITS, GROWTH = 4096, 2
# A law below this, in units of what the statistic can be, may be too small for the draws: to tell a
# probability p within 4% takes some 30,000/p of them.
SMALL = 0.02
# What claims about finite truncations leave out, relative to the law, and sums over many draws.
ROUNDING, SUMS = 1e-5, 1e-12


class Looks(NamedTuple):
    """When to look: draws in a run, and the number of runs at each look."""

    units: int
    runs: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Draws at each look."""
        return tuple(self.units * runs for runs in self.runs)


class Look(NamedTuple):
    """What the looks at a point came to.

    Attributes:
        reading: the last, None where there was no time for any.
        predicted: what the law says.
        seen: how many draws the reading rests on.
        too_small: whether the law is too small to be told by all draws.
    """

    reading: Reading | None
    predicted: float
    seen: int
    too_small: bool


def looks_for(measurement: Measurement, point: Point, samples: int) -> Looks:
    """Plan the looks at a point: at 1, 2, 4, ... runs, and at the last when the budget is spent.

    Where a budget ties prompts together a run is one draw, and costs as many samples as it has
    prompts.
    """
    sampled = Sampled(measurement)
    if sampled.tied(point):
        units, most = 1, max(2, samples // sampled.prompts(point))
        first = min(UNITS // 16, most)
    else:
        units = min(UNITS, max(64, samples // 16))
        most, first = max(1, samples // units), 1
    runs = [first]
    while runs[-1] * GROWTH <= most:
        runs.append(runs[-1] * GROWTH)
    if runs[-1] < most:
        runs.append(most)
    return Looks(units, tuple(runs))


def look_at(
    claim: Claim,
    measurement: Measurement,
    point: Point,
    looks: Looks,
    alpha: float,
    resolution: float,
    key: jax.Array,
    go_on: Callable[[int], bool],
) -> Look:
    """Look at one point until it is decided or the looks are used up.

    ``go_on`` says whether there is time for a look of so many draws; the rest as of
    :func:`looking`.
    """
    asking = looking(claim, measurement, point, looks, alpha, resolution)
    look = next(asking)
    while True:
        there_is_time = go_on(looks.sizes[look])
        drawn = draws_of(claim, measurement, point, looks, key, look) if there_is_time else None
        try:
            look = asking.send(drawn)
        except StopIteration as end:
            return end.value


def draws_of(
    claim: Claim, measurement: Measurement, point: Point, looks: Looks, key: jax.Array, look: int
) -> list[np.ndarray]:
    """Return what a look at a point draws anew: of a limit at each value of what grows."""
    sampled = Sampled(measurement)
    fresh = looks.runs[look] - (looks.runs[look - 1] if look else 0)
    drawn = []
    for number, arm in enumerate(_arms(claim, sampled, point)):
        place = jax.random.fold_in(jax.random.fold_in(key, number), look)
        drawn.append(sampled.draw(arm, looks.units, fresh, place))
    return drawn


def _arms(claim: Claim, sampled: Sampled, point: Point) -> list[Point]:
    if claim.along is None:
        return [point]
    assert sampled.how.sampled_ladder is not None
    return [{**point, claim.along: value} for value in sampled.how.sampled_ladder]


def looking(
    claim: Claim,
    measurement: Measurement,
    point: Point,
    looks: Looks,
    alpha: float,
    resolution: float,
) -> Generator[int, list[np.ndarray] | None, Look]:
    """Ask for what each look draws, by its number, until the point is decided; return the last.

    Each look has the error probability ``alpha``. A claim that holds may be off by ``resolution``,
    relative to the law. What it is sent is what :func:`draws_of` returns, or None where there is no
    time for it.
    """
    sampled = Sampled(measurement)
    arms = _arms(claim, sampled, point)
    laws = [claim.predicted(arm) for arm in arms]
    predicted, spans = laws[-1], [sampled.span(arm) for arm in arms]
    bounds = spans[-1]
    # Where the law moves with what grows, it is the ratio that tends to one.
    units = [1.0] * len(laws)
    if len(set(laws)) > 1:
        if min(laws) <= 0.0:
            raise refuse("law", "above 0 along a limit that it moves with", min(laws))
        units, predicted = laws, 1.0
    beyond = [float(measurement.at("beyond", arm)) for arm in arms]
    binary = bool(measurement.at("binary", arms[-1]))
    drawn: list[list[np.ndarray]] = [[] for _ in arms]
    reading, seen = None, 0
    for look in range(len(looks.runs)):
        fresh = yield look
        if fresh is None:
            break
        for parts, more in zip(drawn, fresh, strict=True):
            parts.append(more)
        values = [np.concatenate(parts) for parts in drawn]
        seen = len(values[-1])
        level = alpha / len(arms)
        intervals = []
        for number, (each, unit) in enumerate(zip(values, units, strict=True)):
            low, high = mean_interval(each, level, spans[number], binary)
            intervals.append((low / unit, (high + beyond[number]) / unit))
        measured = float(np.mean(values[-1])) / units[-1]
        interval = _limit(intervals) if claim.along is not None else intervals[0]
        rounding = ROUNDING * max(abs(predicted), abs(measured)) + SUMS * max(map(abs, bounds))
        wide = interval[0] - rounding, interval[1] + rounding
        kind = "equality" if claim.kind == "limit" else claim.kind
        allowed = resolution * abs(predicted) + rounding
        reading = judge_interval(kind, measured, wide, predicted, allowed)
        if reading.verdict != "undecided":
            break
    small = claim.along is None and abs(predicted) < SMALL * (bounds[1] - bounds[0])
    spent = reading is not None and reading.verdict == "undecided" and seen >= looks.sizes[-1]
    if small and spent:
        assert reading is not None
        why = f"a law of {predicted:.2g} is too small to be told within {resolution:g} of itself "
        reading = reading._replace(why=f"{why}by {seen:,} draws")
    return Look(reading, predicted, seen, small and spent)


def _limit(intervals: Sequence[Interval]) -> Interval:
    """Widen the second interval by what may still be to go: the largest difference to the first."""
    (low_a, high_a), (low_b, high_b) = intervals
    remainder = max(high_b - low_a, high_a - low_b)
    return low_b - remainder, high_b + remainder
