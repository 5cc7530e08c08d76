"""The points of a certificate: where they are, and what is read at each, here or as jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from boostsim.arguments import refuse
from boostsim.certification.clock import Clock
from boostsim.certification.exact import naming, read_exactly
from boostsim.certification.keeping import row_told
from boostsim.certification.measurement import Measurement
from boostsim.certification.readings import Reading
from boostsim.certification.statistical import Looks, look_at, looks_for
from boostsim.jobs import Job
from boostsim.keys import generator
from boostsim.progress import track
from boostsim.store import Piece
from boostsim.theory.box import Point
from boostsim.theory.claim import Claim

NO_TIME = "time ran out"
# Streams of the key: where to look, and what is drawn there.
STATISTICAL_POINTS, DRAWS = 1, 2
# Runs jobs, here or elsewhere, and keeps what they return.
Run = Callable[..., list[Piece]]


def exact_rows(
    claim: Claim,
    measurement: Measurement,
    count: int,
    rng: np.random.Generator,
    clock: Clock,
    most: int,
    run: Run | None,
) -> list[dict[str, Any]]:
    """Return the rows of the exact part: the edges, and so many drawn points.

    Without ``run`` they are read here while there is time; with it they are one job.
    """
    suits = partial(measurement.applies, "exact")
    if measurement.exact is False:
        return [_nowhere("exact", measurement.why_not)]
    places = [point for point in claim.domain.edges() if suits(point)]
    places += claim.domain.sample(rng, count, suits)
    if not places:
        return [_nowhere("exact", measurement.why_not)]
    if run is None:
        return _read(claim, measurement, places, clock, most)
    job = Job("exact", _read_all, (claim, measurement, places, most))
    return list(run([job], description=f"{claim.name}, exact")[0].told)


def _read_all(claim: Claim, measurement: Measurement, places: list[Point], most: int) -> Piece:
    rows = _read(claim, measurement, places, Clock(None), most)
    return Piece([row_told(row) for row in rows], {})


def _read(
    claim: Claim, measurement: Measurement, places: Sequence[Point], clock: Clock, most: int
) -> list[dict[str, Any]]:
    rows = []
    for number, point in enumerate(track(places, f"{claim.name}, exact", len(places))):
        if not clock or number >= most:
            rows.append(_row("exact", point, None, np.nan, 0, NO_TIME))
            continue
        with naming(claim, point):
            reading, predicted = read_exactly(claim, measurement, point)
        rows.append(_row("exact", point, reading, predicted, 0))
    return rows


def sampled_rows(
    claim: Claim,
    measurement: Measurement,
    alpha: float,
    samples: int,
    count: int,
    resolution: float,
    key: jax.Array,
    clock: Clock,
    sizes: list[int] | None,
    run: Run | None,
) -> list[dict[str, Any]]:
    """Return the rows of sampled runs, one for each of so many drawn points.

    Without ``run`` they are looked at here while there is time; with it each is a job.
    """
    suits = partial(measurement.applies, "sampled")
    if measurement.sampled is False:
        return [_nowhere("statistical", measurement.why_not)]
    if claim.along is not None and measurement.sampled_ladder is None:
        return [_nowhere("statistical", "the measurement gives no sampled_ladder for the limit")]
    count = min(count, measurement.most_points or count)
    rng = generator(jax.random.fold_in(key, STATISTICAL_POINTS))
    places = claim.domain.sample(rng, count, suits, near_ends=False)
    if not places:
        return [_nowhere("statistical", measurement.why_not)]
    plans = []
    for point in places:
        with naming(claim, point):
            plans.append(looks_for(measurement, point, samples))
    if sizes is not None and len(sizes) != len(places):
        raise refuse("stopped_at", f"of a report with {len(places)} statistical points", sizes)
    draws = jax.random.fold_in(key, DRAWS)
    looked = []
    for number, (point, looks) in enumerate(zip(places, plans, strict=True)):
        level = alpha / (len(places) * len(looks.runs))
        last = None if sizes is None else sizes[number]
        place = jax.random.fold_in(draws, number)
        looked.append((claim, measurement, point, looks, level, resolution, place, last))
    told = f"{claim.name}, statistical"
    if run is None:
        return [_look(clock, *each) for each in track(looked, told, len(looked))]
    jobs = [Job(f"point-{number}", _look_once, each) for number, each in enumerate(looked)]
    return [piece.told for piece in run(jobs, description=told)]


def _look_once(*arguments: Any) -> Piece:
    return Piece(row_told(_look(Clock(None), *arguments)), {})


def _look(
    clock: Clock,
    claim: Claim,
    measurement: Measurement,
    point: Point,
    looks: Looks,
    level: float,
    resolution: float,
    key: jax.Array,
    last: int | None,
) -> dict[str, Any]:
    """Return the row of a point, looked at while there is time, or up to so many draws."""

    def go_on(size: int) -> bool:
        return bool(clock) if last is None else size <= last

    with naming(claim, point):
        look = look_at(claim, measurement, point, looks, level, resolution, key, go_on)
    reading = look.reading
    if reading is not None and reading.verdict == "undecided" and look.seen < looks.sizes[-1]:
        reading = reading._replace(why=NO_TIME)
    row = _row("statistical", point, reading, look.predicted, look.seen, NO_TIME)
    return {**row, "too_small": look.too_small}


def _row(
    level: str, point: Point, reading: Reading | None, predicted: float, samples: int, why: str = ""
) -> dict[str, Any]:
    if reading is None:
        reading = Reading(np.nan, np.nan, np.nan, "undecided", why)
    told = {"law": predicted, "samples": samples, **reading._asdict()}
    return {"level": level, **point, **told}


def _nowhere(level: str, why: str) -> dict[str, Any]:
    return {"level": level, "samples": 0, "verdict": "inapplicable", "why": why}
