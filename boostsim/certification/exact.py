"""A claim read exactly at a point: the population recursion against the law."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from boostsim.certification.measurement import Measurement
from boostsim.certification.verdicts import Reading, judge_limit, judge_value
from boostsim.theory.claim import Claim, Point, call
from boostsim.types import refuse

__all__ = ["naming", "read_exactly"]


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


def read_exactly(claim: Claim, measurement: Measurement, point: Point) -> tuple[Reading, float]:
    """Return what an exact run says of a claim at a point, and what the law says.

    Of a limit that moves with what grows it is the ratio that is read.

    Raises:
        ValueError: where a law that moves is 0.
    """
    if claim.along is None:
        predicted = claim.predicted(point)
        value = measurement.population(point)
        told = {**point, "predicted": predicted}
        if measurement.value is None:
            told.setdefault("iterations", measurement.length(point))
        rounding = float(call(measurement.rounding, told))
        return judge_value(claim.kind, value, predicted, rounding), predicted
    places = [{**point, claim.along: index} for index in measurement.rungs(claim.along)]
    values = [measurement.population(place) for place in places]
    laws = [claim.predicted(place) for place in places]
    if len(set(laws)) == 1:
        return judge_limit(values, laws[-1], claim.direction), laws[-1]
    if 0.0 in laws:
        raise refuse(
            f"law of claim {claim.name!r}",
            f"other than 0 along {claim.along}, for it is the ratio that tends to 1",
            laws,
        )
    ratios = [value / law for value, law in zip(values, laws, strict=True)]
    return judge_limit(ratios, 1.0, claim.direction), 1.0
