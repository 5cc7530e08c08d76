"""The points of a certificate: where they are, and what is read at each, here or as jobs."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from boostsim.arguments import refuse
from boostsim.certification.clock import Clock
from boostsim.certification.exact import naming, read_exactly
from boostsim.certification.keeping import row_told
from boostsim.certification.measurement import Measurement
from boostsim.certification.readings import Reading
from boostsim.certification.statistical import (
    Look,
    Looks,
    draws_of,
    look_at,
    looking,
    looks_for,
)
from boostsim.jobs import Job, run_jobs
from boostsim.keys import generator
from boostsim.progress import track
from boostsim.store import Piece, Store
from boostsim.theory.box import Point
from boostsim.theory.claim import Claim

NO_TIME = "time ran out"
# Streams of the key: where to look, and what is drawn there.
STATISTICAL_POINTS, DRAWS = 1, 2


class Kept(NamedTuple):
    """Where jobs are run, and what they return is kept: a scheduler, or None, and a store."""

    scheduler: Any
    store: Store

    def run(self, jobs: Sequence[Job], description: str) -> list[Piece]:
        """Return their pieces."""
        return run_jobs(jobs, scheduler=self.scheduler, store=self.store, description=description)


class Plan(NamedTuple):
    """How a point is looked at: when, at which error probability, on which draws.

    Attributes:
        point: which.
        looks, level, resolution, key: see :func:`boostsim.certification.statistical.look_at`.
        last: no look has more draws; None where there is no such.
    """

    point: Point
    looks: Looks
    level: float
    resolution: float
    key: jax.Array
    last: int | None

    def has(self, look: int) -> bool:
        """Whether it is to be looked at so often."""
        return self.last is None or self.looks.sizes[look] <= self.last


def exact_rows(
    claim: Claim,
    measurement: Measurement,
    count: int,
    rng: np.random.Generator,
    clock: Clock,
    most: int,
    kept: Kept | None,
) -> list[dict[str, Any]]:
    """Return the rows of the exact part: the edges, and so many drawn points.

    Without ``kept`` they are read here while there is time; with it they are one job.
    """
    suits = partial(measurement.applies, "exact")
    if measurement.exact is False:
        return [_nowhere("exact", measurement.why_not)]
    places = [point for point in claim.domain.edges() if suits(point)]
    places += claim.domain.sample(rng, count, suits)
    if not places:
        return [_nowhere("exact", measurement.why_not)]
    if kept is None:
        return _read(claim, measurement, places, clock, most)
    job = Job("exact", _read_all, (claim, measurement, places, most))
    return list(kept.run([job], f"{claim.name}, exact")[0].told)


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
    kept: Kept | None,
) -> list[dict[str, Any]]:
    """Return the rows of sampled runs, one for each of so many drawn points.

    Without ``kept`` they are looked at here while there is time; with it each look is a job.
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
    planned = []
    for number, (point, looks) in enumerate(zip(places, plans, strict=True)):
        level = alpha / (len(places) * len(looks.runs))
        last = None if sizes is None else sizes[number]
        place = jax.random.fold_in(draws, number)
        planned.append(Plan(point, looks, level, resolution, place, last))
    told = f"{claim.name}, statistical"
    if kept is None:
        return [
            _looked(claim, measurement, plan, clock) for plan in track(planned, told, len(planned))
        ]
    # Here one after another: what was drawn at a point takes room until that is decided.
    numbered = dict(enumerate(planned))
    together = [numbered] if kept.scheduler else [{n: plan} for n, plan in numbered.items()]
    rows: dict[int, dict[str, Any]] = {}
    for each in track(together, told, len(together)):
        rows |= _rows_of(claim, measurement, each, kept, told)
    return [rows[number] for number in numbered]


def _looked(claim: Claim, measurement: Measurement, plan: Plan, clock: Clock) -> dict[str, Any]:
    """Return the row of a point, looked at while there is time, or up to so many draws."""

    def go_on(size: int) -> bool:
        return bool(clock) if plan.last is None else size <= plan.last

    with naming(claim, plan.point):
        look = look_at(claim, measurement, *plan[:-1], go_on)
    return _row_of(plan, look)


def _rows_of(
    claim: Claim, measurement: Measurement, plans: Mapping[int, Plan], kept: Kept, told: str
) -> dict[int, dict[str, Any]]:
    """Return the rows of points by their numbers: every look is a job, kept until its point is."""
    rows: dict[int, dict[str, Any]] = {}
    asking: dict[int, Generator[int, list[np.ndarray] | None, Look]] = {}
    wanted: dict[int, int] = {}

    def done(number: int, row: dict[str, Any]) -> None:
        for look in range(len(plans[number].looks.runs)):
            kept.store.remove(_name(number, look))
        rows[number] = row

    def go_on(number: int, drawn: list[np.ndarray] | None, *of: str) -> None:
        """Take what a look drew: where the point is decided it is kept instead of its looks."""
        plan = plans[number]
        with naming(claim, plan.point):
            try:
                look = asking[number].send(drawn)
            except StopIteration as end:
                row = json.loads(json.dumps(row_told(_row_of(plan, end.value))))
                kept.store.write(f"point-{number}", told=row, of=of)
                done(number, row)
                return
        if plan.has(look):
            wanted[number] = look
        else:
            go_on(number, None, *of)

    for number, plan in plans.items():
        found = kept.store.read(f"point-{number}")
        if found is not None:
            done(number, found.told)
            continue
        asking[number] = looking(claim, measurement, *plan[:4])
        go_on(number, None)
    while wanted:
        now = dict(wanted)
        wanted.clear()
        jobs = [
            Job(_name(number, look), _drawn, (claim, measurement, plans[number], look))
            for number, look in now.items()
        ]
        for (number, look), piece in zip(now.items(), kept.run(jobs, told), strict=True):
            drawn = [piece.arrays[f"draws-{arm}"] for arm in range(len(piece.arrays))]
            go_on(number, drawn, *(_name(number, each) for each in range(look + 1)))
    return rows


def _name(number: int, look: int) -> str:
    return f"point-{number}-look-{look}"


def _drawn(claim: Claim, measurement: Measurement, plan: Plan, look: int) -> Piece:
    """Return what a look draws anew, as a piece."""
    with naming(claim, plan.point):
        drawn = draws_of(claim, measurement, plan.point, plan.looks, plan.key, look)
    return Piece(None, {f"draws-{arm}": values for arm, values in enumerate(drawn)})


def _row_of(plan: Plan, look: Look) -> dict[str, Any]:
    reading = look.reading
    if reading is not None and reading.verdict == "undecided" and look.seen < plan.looks.sizes[-1]:
        reading = reading._replace(why=NO_TIME)
    row = _row("statistical", plan.point, reading, look.predicted, look.seen, NO_TIME)
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
