"""A claim read exactly at a point: the population recursion against the law."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from boostsim.certification.measurement import Measurement, rounding_of
from boostsim.certification.verdicts import Reading, judge_limit, judge_value, worse
from boostsim.curation.procedure import Procedure
from boostsim.theory.claim import Claim, Point, call
from boostsim.theory.rounding import in_digits, law_rounding, order_one
from boostsim.types import refuse

__all__ = ["naming", "read_exactly", "seen_at"]

OPPOSITE = {"accuracy": 1, "error": 0}
MIRRORED = {"above": "below", "below": "above", "either": "either"}


@contextmanager
def naming(claim: Claim, point: Point) -> Iterator[None]:
    """Let what goes wrong name the claim and the point."""
    try:
        yield
    except Exception as error:
        shown = ", ".join(f"{name}={value!r}" for name, value in point.items())
        where = f"claim {claim.name!r} at {shown}"
        if type(error) is not ValueError:
            # Of a function that the user wrote: its traceback is what helps.
            error.add_note(f"In {where}.")
            raise
        raise ValueError(f"{where}: {error}") from None


def seen_at(claim: Claim, measurement: Measurement) -> list[int] | None:
    """Return at which values of what grows a limit is read, None where none is."""
    if claim.along is None or measurement.exact is False:
        return None
    return list(measurement.rungs(claim.along))


def read_exactly(claim: Claim, measurement: Measurement, point: Point) -> tuple[Reading, float]:
    """Return what an exact run says of a claim at a point, and what the law says.

    Of a limit that moves with what grows it is the ratio that is read. A law that seems violated is
    evaluated again in many digits where it can be; where it cannot, and the difference may be the
    rounding of the law or of a statistic that is a function, the point is undecided.

    Raises:
        ValueError: where a law that moves is 0.
    """
    places = [point]
    if claim.along is not None:
        places = [{**point, claim.along: index} for index in measurement.rungs(claim.along)]
    laws = [claim.predicted(place) for place in places]
    judge = _judge_of_limit if claim.along is not None else _judge_of_value
    judged = judge(claim, measurement, places)
    exactly = [0.0] * len(places)
    reading, predicted = judged(laws, exactly)
    if reading.verdict != "violated":
        return reading, predicted
    sharp = [in_digits(claim, place) for place in places]
    off = exactly
    if None in sharp:
        off = [law_rounding(claim, place) for place in places]
    else:
        laws = [law for law in sharp if law is not None]
        reading, predicted = judged(laws, exactly)
        if reading.verdict != "violated":
            return reading, predicted
    own = callable(measurement.statistic) or measurement.value is not None
    if own and measurement.rounding is rounding_of:
        # Accuracies of order one, rounded as a run rounds them, may have cancelled.
        most = max(1.0, abs(reading.measured))
        more = order_one(most) if claim.along else _rounding(measurement, point, most)
        off = [each + more for each in off]
    if any(off):
        wider, _ = judged(laws, off)
        if wider.verdict != "violated":
            why = f"differs by rounding only: that may be as large as {max(off):.2g} here"
            return wider._replace(verdict="undecided", why=why), predicted
    return reading, predicted


# Laws at all places and how far each may be off; the reading, and the law's value.
Judge = Callable[[list[float], list[float]], tuple[Reading, float]]


def _judge_of_value(claim: Claim, measurement: Measurement, places: list[Point]) -> Judge:
    (point,) = places
    value = measurement.population(point)

    def judged(laws: list[float], off: list[float]) -> tuple[Reading, float]:
        rounding = _rounding(measurement, point, laws[0])
        return judge_value(claim.kind, value, laws[0], rounding + off[0]), laws[0]

    return judged


def _rounding(measurement: Measurement, point: Point, predicted: float) -> float:
    told = {**point, "predicted": predicted}
    if measurement.value is None:
        told.setdefault("iterations", measurement.length(point))
    return float(call(measurement.rounding, told))


def _changes_until(procedure: Procedure) -> int:
    """Return the last iteration in which a procedure itself changes, 0 where none is."""
    changes = [0]
    if procedure.labeler is not None and procedure.labeler.drift:
        changes.append(procedure.labeler.drift[1])
    for given in procedure.schedules.values():
        changes += [number + 1 for number, entry in enumerate(given) if entry != given[-1]]
    return max(changes)


def _judge_of_limit(claim: Claim, measurement: Measurement, places: list[Point]) -> Judge:
    assert claim.along is not None
    seen = [measurement.followed(place) for place in places]
    values = [value for value, _ in seen]
    # Right masses of the prompts and then wrong ones, along the rungs.
    masses = [list(mass) for mass in zip(*(masses for _, masses in seen), strict=True)]
    changes = 0
    if claim.along == "iterations" and measurement.value is None:
        changes = _changes_until(measurement.world(places[-1])[0])

    def judged(laws: list[float], off: list[float]) -> tuple[Reading, float]:
        target = laws[-1]
        if len(set(laws)) > 1:
            if 0.0 in laws:
                raise refuse(
                    f"law of claim {claim.name!r}",
                    f"other than 0 along {claim.along}, for it is the ratio that tends to 1",
                    laws,
                )
            ratios = [value / law for value, law in zip(values, laws, strict=True)]
            lost = max(each / abs(law) for each, law in zip(off, laws, strict=True))
            return judge_limit(ratios, 1.0, claim.direction, off=lost), 1.0
        beside = [*masses, [abs(value) for value in values]]
        reading = judge_limit(values, target, claim.direction, beside, max(off))
        if measurement.statistic in OPPOSITE and measurement.value is None:
            # What is left to 1 is known as well as what is left to 0.
            rest = [1.0 - value for value in values]
            if len(masses) == 2:
                rest = masses[OPPOSITE[measurement.statistic]]
            mirrored = judge_limit(rest, 1.0 - target, MIRRORED[claim.direction], beside, max(off))
            low, high = 1.0 - mirrored.high, 1.0 - mirrored.low
            mirrored = mirrored._replace(measured=1.0 - mirrored.measured, low=low, high=high)
            reading = worse(reading, mirrored)
        if changes and changes > places[-3]["iterations"]:
            why = f"what is run changes until iteration {changes}: give the measurement a ladder "
            reading = reading._replace(verdict="undecided", why=f"{why}with three rungs from there")
        return reading, target

    return judged
