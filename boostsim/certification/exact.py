"""A claim read exactly at a point: the population recursion against the law."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from boostsim.arguments import refuse
from boostsim.certification.measurement import Measurement, rounding_of
from boostsim.certification.readings import CONVERGED, Reading, judge_limit, judge_value, worse
from boostsim.certification.runs import Exact
from boostsim.curation.procedure import Procedure
from boostsim.theory.box import Point, call
from boostsim.theory.claim import Claim
from boostsim.theory.rounding import in_digits, law_rounding, order_one

OPPOSITE = {"accuracy": 1, "error": 0}
# A mass below this may not be seen to grow in a ratio.
HIDDEN = 1e-6
# So many iterations before the last are read as well.
CYCLE = 3
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
        # Of a law that raised the cause stays: it is the user's own.
        raise ValueError(f"{where}: {error}") from error.__cause__


def seen_at(claim: Claim, measurement: Measurement) -> list[int] | None:
    """Return at which values of what grows a limit is read, None where none is."""
    if claim.along is None or measurement.exact is False:
        return None
    return list(Exact(measurement).rungs(claim.along))


def read_exactly(claim: Claim, measurement: Measurement, point: Point) -> tuple[Reading, float]:
    """Return what an exact run says of a claim at a point, and what the law says.

    Of a limit that moves with what grows it is the ratio that is read. Of a limit along iterations
    those just before the last have to say the same, lest an even cycle looks settled. A law that
    seems violated is evaluated again in many digits where it can be; where it cannot, and the
    difference may be the rounding of the law or of a statistic that is a function, the point is
    undecided.

    Raises:
        ValueError: where a law that moves is 0, or changes its sign.
    """
    exact, places = Exact(measurement), [point]
    if claim.along is not None:
        rungs = list(exact.rungs(claim.along))
        places = [{**point, claim.along: index} for index in [*rungs[:-1], *_ends(claim, rungs)]]
    laws = [claim.predicted(place) for place in places]
    judge = _judge_of_limit if claim.along is not None else _judge_of_value
    judged = judge(claim, exact, places)
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


def _judge_of_value(claim: Claim, exact: Exact, places: list[Point]) -> Judge:
    (point,) = places
    value = exact.population(point)

    def judged(laws: list[float], off: list[float]) -> tuple[Reading, float]:
        rounding = _rounding(exact.how, point, laws[0])
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


def _ends(claim: Claim, rungs: list[int]) -> list[int]:
    """Return the last rung, and before it the iterations next to it, which see a cycle."""
    last = rungs[-1]
    if claim.along != "iterations":
        return [last]
    return [last - back for back in range(CYCLE, -1, -1) if last - back > rungs[-2]]


def _judge_of_limit(claim: Claim, exact: Exact, places: list[Point]) -> Judge:
    assert claim.along is not None
    early = len(exact.rungs(claim.along)) - 1
    ends = range(early, len(places))
    runs = [[place] for place in places]
    if exact.goes_on(claim.along):
        runs[early:] = [places[early:]]
    seen = [value for run in runs for value in exact.followed(run)]
    changes = 0
    if claim.along == "iterations" and exact.how.value is None:
        changes = _changes_until(exact.world(places[-1])[0])

    def judged(laws: list[float], off: list[float]) -> tuple[Reading, float]:
        moves = len(set(laws)) > 1
        if moves and not (min(laws) > 0.0 or max(laws) < 0.0):
            raise refuse(
                f"law of claim {claim.name!r}",
                f"other than 0 and of one sign along {claim.along}, for it is the ratio that tends "
                "to 1",
                laws,
            )

        def until(end: int) -> Reading:
            which = [*range(early), end]
            read = [seen[i] for i in which], [laws[i] for i in which], [off[i] for i in which]
            return _reading(claim, exact.how, *read, moves)

        *others, reading = [until(end) for end in ends]
        decided = reading.verdict != "undecided"
        if decided and any(other.verdict != reading.verdict for other in others):
            why = "it does not settle: one iteration says other than the next"
            reading = reading._replace(verdict="undecided", why=why)
        if changes and changes > places[early - 2]["iterations"]:
            why = f"what is run changes until iteration {changes}: give the measurement a ladder "
            reading = reading._replace(verdict="undecided", why=f"{why}with three rungs from there")
        return reading, 1.0 if moves else laws[-1]

    return judged


def _reading(
    claim: Claim,
    measurement: Measurement,
    seen: list[tuple[float, list[float]]],
    laws: list[float],
    off: list[float],
    moves: bool,
) -> Reading:
    """Read a limit from values and masses along a ladder."""
    values = [value for value, _ in seen]
    # Right masses of the prompts and then wrong ones, along the rungs.
    masses = [list(mass) for mass in zip(*(masses for _, masses in seen), strict=True)]
    rest = [1.0 - value for value in values]
    if measurement.statistic in OPPOSITE and len(masses) == 2:
        rest = masses[OPPOSITE[measurement.statistic]]
    target, direction, lost = laws[-1], claim.direction, max(off)
    near_one = True
    if moves:
        near_one = abs(1.0 - target) <= CONVERGED
        # A mass that is seen in the ratio may grow: the law grows with it.
        masses = [mass for mass in masses if mass[-1] < HIDDEN]
        # What is left to the ratio's 1.
        rest = [(left - (1.0 - law)) / law for left, law in zip(rest, laws, strict=True)]
        values = [value / law for value, law in zip(values, laws, strict=True)]
        lost = max(each / abs(law) for each, law in zip(off, laws, strict=True))
        direction = MIRRORED[direction] if laws[-1] < 0.0 else direction
        target = 1.0
    beside = [*masses, [abs(value) for value in values]]
    reading = judge_limit(values, target, direction, beside, lost)
    if near_one and measurement.statistic in OPPOSITE and measurement.value is None:
        # What is left to 1 is known as well as what is left to 0.
        mirrored = judge_limit(rest, 1.0 - target, MIRRORED[direction], beside, lost)
        low, high = 1.0 - mirrored.high, 1.0 - mirrored.low
        mirrored = mirrored._replace(measured=1.0 - mirrored.measured, low=low, high=high)
        reading = worse(reading, mirrored)
    return reading
