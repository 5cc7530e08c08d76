"""Readings: what a value or an interval says of a claim, point by point and overall."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from boostsim.certification.intervals import Interval
from boostsim.theory.claim import Claim

# From the worst to the best; what is inapplicable says nothing.
VERDICTS = ("violated", "undecided", "holds", "inapplicable")
# A limit counts as reached when what is left is below one part in a hundred of it.
NEAR = 0.01
CONVERGED = 1e-9
# What tends to 0 falls at least so much from one index to the next: like 1/sqrt(n), or faster.
FALLING = 0.75
LEAST_RATIO = 1.0 / 3.0
# A step below this, relative to the value, is none.
ROUNDING = 1e-14
# An exact value that may be off by more than this, relative to it, decides nothing.
ROUNDED, SMALLEST_ROUNDING = 1e-6, 1e-11
SMALLEST = 1e-15


class Reading(NamedTuple):
    """What was read at a point: the value, how far it may be off, and the verdict."""

    measured: float
    low: float
    high: float
    verdict: str
    why: str = ""


def overall(verdicts: Sequence[str]) -> str:
    """Return the verdict on all points together: the worst of those that say anything."""
    for verdict in VERDICTS[:3]:
        if verdict in verdicts:
            return verdict
    return "inapplicable"


def read_at(claim: Claim, ladder: Sequence[int]) -> str:
    """Say where a limit was read: what comes after that nobody has seen."""
    rungs = ", ".join(f"{rung:,}" for rung in ladder)
    return f"read at {claim.along} = {rungs}, and at none beyond"


def worse(first: Reading, second: Reading) -> Reading:
    """Return the reading with the worse verdict; of two alike the first."""
    return min(first, second, key=lambda reading: VERDICTS.index(reading.verdict))


def told_apart(measured: float, law: float, *others: float) -> list[str]:
    """Write numbers with six digits, or with as many as tell what was measured from the law."""
    for digits in range(6, 18):
        told = [f"{number:.{digits}g}" for number in (measured, law, *others)]
        if told[0] != told[1]:
            break
    return told


def shown(point: Mapping[str, Any]) -> str:
    """Write a point in a sentence."""
    return ", ".join(
        f"{name} = {value:.6g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in point.items()
    )


def against(claim: Claim, known: str, measured: float, law: float, low: float, high: float) -> str:
    """Say what was measured, where the law says what; ``known``: how well."""
    word = {"upper": "at most ", "lower": "at least "}.get(claim.kind, "")
    one, other, left, right = told_apart(measured, law, low, high)
    return f"measured {one}, in [{left}, {right}]{known}, where the law says {word}{other}"


def judge_value(kind: str, value: float, predicted: float, rounding: float) -> Reading:
    """Judge an exact value: it may be off by rounding only.

    Raises:
        ValueError: where the value is no number.
    """
    if math.isnan(value):
        raise ValueError(f"statistic must be a number; got {value!r}")
    low, high = value - rounding, value + rounding
    if rounding > ROUNDED * max(abs(value), abs(predicted)) + SMALLEST_ROUNDING:
        why = f"rounding may be as large as {rounding:.2g}: keep the numbers of the domain smaller"
        return Reading(value, low, high, "undecided", why)
    return Reading(value, low, high, "holds" if _fits(kind, low, high, predicted) else "violated")


def judge_interval(
    kind: str, measured: float, interval: Interval, predicted: float, resolution: float
) -> Reading:
    """Judge a confidence interval.

    A claim is violated where no value in the interval fits it. It holds where every value fits it,
    up to ``resolution``: then what is claimed is true up to that. Else it is undecided.
    """
    low, high = interval
    if not _fits(kind, low, high, predicted):
        return Reading(measured, low, high, "violated")
    over = 0.0 if kind == "lower" else high - predicted
    under = 0.0 if kind == "upper" else predicted - low
    if max(over, under) <= resolution:
        return Reading(measured, low, high, "holds")
    why = f"the interval reaches further than {resolution:.2g} from the law"
    return Reading(measured, low, high, "undecided", why)


def judge_limit(
    values: Sequence[float],
    target: float,
    direction: str,
    masses: Sequence[Sequence[float]] = (),
    off: float = 0.0,
) -> Reading:
    """Judge a sequence of exact values at growing indices by its measured remainder.

    The remainder after the last is extrapolated from the last three (Aitken): with d_i their
    differences and q = d_2/d_1 it is |d_2| q/(1 - q), exact where it is a power of an index that
    grows geometrically. q counts as 1/3 at least, for a fast part may hide a slow one. The limit
    may be as far from the last value as twice that.

    Nothing is decided while a mass still grows in relative terms, however small it is: an error of
    1 stands still while a right mass of 1e-40 doubles and doubles. A value that tends to 0 has to
    fall in relative terms, too, until it is nothing but rounding.

    Args:
        values: what is to have a limit.
        target: the limit that is claimed.
        direction: the side from which it is reached.
        masses: sequences of at least 0 at the same indices that have to have settled as well.
        off: what the values or the target may be off by.
    """
    last = values[-1]
    for value in values:
        if math.isnan(value):
            raise ValueError(f"statistic must be a number; got {value!r}")
    rounding = CONVERGED * (abs(target) if target else 1.0) + SMALLEST + off
    remainder = _remainder(values, rounding)
    reach = 2.0 * remainder + rounding
    low, high = last - reach, last + reach
    side = {"above": 1.0, "below": -1.0, "either": 0.0}[direction]
    wrong_side = [value for value in values if side * (value - target) < -rounding]
    if wrong_side:
        value = wrong_side[0]
        why = f"it is not {direction} the limit"
        return Reading(value, value - rounding, value + rounding, "violated", why)
    growing = next((mass for mass in masses if _still_grows(mass)), None)
    if growing is not None:
        why = f"it does not settle: a mass grows from {growing[-2]:.3g} to {growing[-1]:.3g}"
        return Reading(last, low, high, "undecided", why)
    if remainder > NEAR * abs(target) + rounding:
        left = (
            f"a remainder of {remainder:.2g} is left"
            if remainder < math.inf
            else "it does not settle"
        )
        return Reading(last, low, high, "undecided", left)
    if target == 0.0 and SMALLEST + off < abs(last) and abs(last) > FALLING * abs(values[-2]):
        # It is small and does not become smaller.
        room = CONVERGED * abs(last) + SMALLEST + off
        if abs(last - values[-2]) <= room and not _may_reach(values, target):
            return Reading(last, last - room, last + room, "violated")
        return Reading(last, low, high, "undecided", "it does not settle")
    if low <= target <= high:
        return Reading(last, low, high, "holds")
    if _may_reach(values, target):
        # What is too small to be seen moving may still have far to go.
        return Reading(last, low, high, "undecided", "it does not settle")
    return Reading(last, low, high, "violated")


def _still_grows(mass: Sequence[float]) -> bool:
    """Whether a mass of at least 0 has far to go in relative terms, by its last three values."""
    first, middle, last = mass[-3:]
    if last <= middle:
        return False
    if not middle > 0.0:
        return True
    now = math.log(last / middle)
    if now <= CONVERGED:
        return False
    before = math.log(middle / first) if 0.0 < first < middle else 0.0
    if now >= before:
        return True
    ratio = max(now / before, LEAST_RATIO)
    return now * ratio / (1.0 - ratio) > NEAR


def _may_reach(values: Sequence[float], target: float) -> bool:
    """Whether steps as small as can be told from rounding add up to what is left."""
    remainder = _remainder(values, ROUNDING * abs(values[-1]))
    return 2.0 * remainder >= abs(values[-1] - target)


def _remainder(values: Sequence[float], rounding: float) -> float:
    before, after = abs(values[-2] - values[-3]), abs(values[-1] - values[-2])
    if after <= rounding:
        return after
    if after >= before:
        return math.inf
    ratio = max(after / before, LEAST_RATIO)
    return after * ratio / (1.0 - ratio)


def _fits(kind: str, low: float, high: float, predicted: float) -> bool:
    """Whether some value in [low, high] fits the claim."""
    if kind == "upper":
        return low <= predicted
    if kind == "lower":
        return high >= predicted
    return low <= predicted <= high
