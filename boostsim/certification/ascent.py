"""How far a claim is from being violated, and the way uphill: forward through the recursion."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from boostsim.certification.exact import naming, read_exactly
from boostsim.certification.measurement import Measurement
from boostsim.certification.readings import Reading
from boostsim.certification.runs import Exact
from boostsim.simulation.tables.sensitivity import Direction, nearby
from boostsim.theory.box import Point, is_real, just_inside
from boostsim.theory.claim import Claim
from boostsim.theory.law import Domain

# Below this a miss is measured in units of this, not of the law.
SMALL = 0.05
# Difference quotients of a world's arrays and of a law; of an interval's length.
STEP = 1e-5
# Steps uphill, in units of the intervals: the first, the least, the most of them.
FIRST_STEP, LEAST_STEP, MOST_STEPS = 0.1, 1e-4, 25


class Trial(NamedTuple):
    """One point that was tried.

    Attributes:
        point: where.
        excess: by how much the law is missed, in units of the law; below 0 where it fits.
        reading: what was read.
        predicted: what the law says.
        draws: how many draws it rests on, 0 where exact.
    """

    point: Point
    excess: float
    reading: Reading
    predicted: float
    draws: int = 0

    @property
    def violated(self) -> bool:
        """Whether it is a counterexample."""
        return self.reading.verdict == "violated"


def excess(kind: str, reading: Reading, predicted: float) -> float:
    """Return by how much the nearest value of a reading misses the law, in units of the law."""
    over, under = reading.low - predicted, predicted - reading.high
    miss = {"upper": over, "lower": under}.get(kind, max(over, under))
    return miss / max(abs(predicted), SMALL)


def try_exactly(claim: Claim, measurement: Measurement, point: Point) -> Trial:
    """Read a claim exactly at a point."""
    with naming(claim, point):
        reading, predicted = read_exactly(claim, measurement, point)
    return Trial(point, excess(claim.kind, reading, predicted), reading, predicted)


def gradient(claim: Claim, measurement: Measurement, point: Point) -> dict[str, float]:
    """Return the derivative of (measured - law) in units of the law, for each real axis.

    The recursion is differentiated forward (:mod:`boostsim.simulation.tables.sensitivity`); a law,
    which is any Python function, by a central difference. Of a limit the last rung counts. It
    is per length of the interval, so that axes compare, and 0 where there is none.
    """
    place, exact = dict(point), Exact(measurement)
    if claim.along is not None:
        place[claim.along] = exact.rungs(claim.along)[-1]
    ends = {
        name: _around(claim, point, name, axis)
        for name, axis in claim.domain.axes.items()
        if is_real(axis)
    }
    values = _measured_around(exact, place, ends)
    slopes = {}
    for name, (below, above, length) in ends.items():
        slopes[name] = 0.0
        if name not in values or above <= below:
            continue
        sides = []
        for end, value in zip((below, above), values[name], strict=True):
            predicted = claim.predicted({**place, name: end})
            sides.append((value - predicted) / max(abs(predicted), SMALL))
        slope = (sides[1] - sides[0]) / (above - below) * length
        slopes[name] = slope if math.isfinite(slope) else 0.0
    return slopes


def _around(claim: Claim, point: Point, name: str, axis: Domain) -> tuple[float, float, float]:
    """Return a little below, a little above, both in the domain, and the interval's length."""
    low, high = just_inside(axis)
    value, step = float(point[name]), STEP * (high - low)
    below, above = max(value - step, low), min(value + step, high)
    if not claim.domain.contains({**point, name: below}):
        below = value
    if not claim.domain.contains({**point, name: above}):
        above = value
    return below, above, high - low


def _measured_around(
    exact: Exact, place: Point, ends: Mapping[str, tuple[float, float, float]]
) -> dict[str, tuple[float, float]]:
    """Return what is measured at both ends of each axis, to first order, where it is smooth."""
    around = {
        name: ({**place, name: below}, {**place, name: above})
        for name, (below, above, _) in ends.items()
        if below < above
    }
    if exact.how.value is not None:
        return {
            name: (exact.population(below), exact.population(above))
            for name, (below, above) in around.items()
        }
    # At an end of the domain the middle is not the place, where minima tie and branches meet.
    inner: dict[str, Direction] = {}
    middles: list[tuple[Point, dict[str, Direction]]] = [(place, inner)]
    for name, (below, above) in around.items():
        half = 0.5 * (above[name] - below[name])
        direction = Direction(exact.world(above), exact.world(below), up=half, down=half)
        if _is_inner(place[name], *ends[name]):
            inner[name] = direction
        else:
            middle = {**place, name: 0.5 * (below[name] + above[name])}
            middles.append((middle, {name: direction}))
    record, length = ("prompt", *exact.how.record), exact.run_length(place)
    found = {}
    for middle, directions in middles:
        if not directions:
            continue
        pairs = nearby(exact.world(middle), length, list(directions.values()), record=record)
        for (name, direction), pair in zip(directions.items(), pairs, strict=True):
            if pair is not None:
                (below, above), (higher, lower) = around[name], pair
                found[name] = (
                    exact.read(lower, direction.below[1], below),
                    exact.read(higher, direction.above[1], above),
                )
    return found


def _is_inner(value: float, below: float, above: float, length: float) -> bool:
    """Whether it is the middle of the two, but for rounding."""
    return min(value - below, above - value) > 0.5 * STEP * length


def ascend(
    claim: Claim,
    measurement: Measurement,
    start: Trial,
    attempt: Callable[[Point], Trial],
    go_on: Callable[[], bool],
) -> tuple[Trial, int]:
    """Climb from a point towards a violation; return the best trial, and the gradients taken.

    Real axes move, the others stay: projected gradient ascent with a step that grows while it helps
    and halves where it does not. ``attempt`` reads a point.
    """
    best, step = start, FIRST_STEP
    lengths = {name: just_inside(axis) for name, axis in claim.domain.axes.items() if is_real(axis)}
    for taken in range(MOST_STEPS):
        if best.violated or not lengths or not go_on():
            return best, taken
        with naming(claim, best.point):
            slopes = gradient(claim, measurement, best.point)
        # Of an equality both sides count: away from the law.
        side = _side(claim, best)
        uphill = {name: side * slope for name, slope in slopes.items()}
        for name, (low, high) in lengths.items():
            at_low = best.point[name] <= low and uphill[name] < 0.0
            at_high = best.point[name] >= high and uphill[name] > 0.0
            if at_low or at_high:
                uphill[name] = 0.0
        norm = float(np.linalg.norm(list(uphill.values())))
        if norm == 0.0:
            return best, taken + 1
        improved = False
        while step >= LEAST_STEP and not improved and go_on():
            point = dict(best.point)
            for name, (low, high) in lengths.items():
                moved = point[name] + step * (high - low) * uphill[name] / norm
                point[name] = float(min(max(moved, low), high))
            trial = attempt(point) if claim.domain.contains(point) else None
            improved = trial is not None and (trial.violated or trial.excess > best.excess)
            if improved:
                assert trial is not None
                best, step = trial, 1.5 * step
            else:
                step *= 0.5
        if not improved:
            return best, taken + 1
    return best, MOST_STEPS


def _side(claim: Claim, trial: Trial) -> float:
    if claim.kind in ("upper", "lower"):
        return 1.0 if claim.kind == "upper" else -1.0
    return 1.0 if trial.reading.measured >= trial.predicted else -1.0
