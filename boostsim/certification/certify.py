"""``bs.certify``: a claim against the simulator, exact and statistical, with one verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import numpy as np
import pandas as pd

from boostsim.arguments import choice, finite, refuse, several, unknown, whole
from boostsim.certification.certificate import Certificate
from boostsim.certification.clock import Clock
from boostsim.certification.exact import naming, read_exactly, seen_at
from boostsim.certification.intervals import between_0_and_1
from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.certification.readings import Reading, overall
from boostsim.certification.statistical import look_at, looks_for
from boostsim.keys import as_key, generator, key_text
from boostsim.progress import track
from boostsim.results import provenance
from boostsim.theory.box import Point
from boostsim.theory.claim import Claim
from boostsim.theory.claims import CLAIMS

LEVELS = ("exact", "statistical")
WORKERS = 2
NO_TIME = "time ran out"
# Streams of the key: where to look, and what is drawn there.
EXACT_POINTS, STATISTICAL_POINTS, DRAWS = range(3)


def certify(
    claim: Claim | str,
    measurement: Measurement | None = None,
    *,
    confidence: float = 0.999,
    samples: int = 2**21,
    points: int = 8,
    exact_points: int = 64,
    resolution: float = 0.04,
    key: jax.Array | int = 0,
    levels: Iterable[str] = LEVELS,
    time_limit: float | None = None,
    stopped_at: Mapping[str, Any] | None = None,
) -> Certificate:
    """Check a claim: exactly at points of its domain, and by sampled runs with stated confidence.

    Exact: the population recursion in float64 at the edges of the domain and at drawn points,
    against the law, up to the run's rounding; where the law's own may decide, nothing is decided.
    Of a limit it is what is left to go, extrapolated, once every prompt's right and wrong mass has
    settled in relative terms; nothing is known beyond the last value of the ladder. Statistical:
    sampled runs at drawn points, with exact binomial or empirical Bernstein intervals, looked at
    after 1, 2, 4, ... runs until decided. The probability that a true claim is called violated is
    at most 1 - confidence for the whole report: it is divided over points and looks.

    A claim "holds" statistically at a point where every value of the interval fits it, up to
    ``resolution`` in units of the law. To tell a probability p so well takes some 30,000/p draws at
    the defaults; a point whose law is smaller than the draws can tell is undecided (or violated).
    Where that law is below 0.02 of what the statistic can be, the claim itself still "holds" if it
    does at all other points, and at one at least; the summary says of which laws nothing is known.

    Args:
        claim: a :class:`Claim`, or the name of one of ``bs.claims``.
        measurement: how it is measured; known for ``bs.claims``.
        confidence: of the whole report, in (0, 1).
        samples: most draws of the statistic at one point (prompts simulated, under a budget).
        points: points of the domain looked at statistically.
        exact_points: points drawn besides the edges for the exact check.
        resolution: what a claim that holds may be off by, relative to the law, at most 1.
        key: of the points and of all draws.
        levels: ``"exact"``, ``"statistical"`` or both.
        time_limit: seconds after which no further look begins; what is left is undecided.
        stopped_at: that of an earlier certificate, to have the same one again.

    Returns:
        A :class:`Certificate`.

    Raises:
        ValueError: for a claim without a measurement, a law that is no number somewhere, a
            statistic outside its bounds, or an argument out of range.

    Example:
        >>> import boostsim as bs
        >>> bs.certify("T1", samples=16384, points=2, exact_points=4, resolution=0.5).verdict
        'holds'
    """
    claim, measurement = both(claim, measurement)
    confidence = between_0_and_1("confidence", confidence)
    samples = whole("samples", samples, 64)
    points = whole("points", points, 1)
    exact_points = whole("exact_points", exact_points, 0)
    resolution = finite("resolution", resolution, 0.0, 1.0)
    levels = chosen_levels(levels)
    clock, typed = Clock(time_limit), as_key(key)
    places = jax.random.fold_in(typed, EXACT_POINTS)
    if not claim.domain.edges() and not claim.domain.sample(generator(places), 1):
        raise refuse(
            f"domain of claim {claim.name!r}",
            "one with points that meet its constraints; none was found",
            claim.domain,
        )
    if not isinstance(stopped_at, Mapping | None):
        raise refuse("stopped_at", "that of a certificate, or None", stopped_at)
    before = dict(stopped_at or {})
    for name in before:
        choice("stopped_at", name, LEVELS)
    sizes = before.get("statistical")
    if sizes is not None:
        sizes = several("stopped_at", "numbers of draws by point, of a certificate", sizes)
        sizes = [whole("stopped_at", size, 0) for size in sizes]
    rows: list[dict[str, Any]] = []
    stopped: dict[str, Any] = {"exact": 0, "statistical": []}
    if "exact" in levels:
        most = whole("stopped_at", before.get("exact", 2**53), 0)
        found = _exact(
            claim,
            measurement,
            exact_points,
            generator(places),
            clock,
            most,
        )
        stopped["exact"] = sum(row["why"] != NO_TIME for row in found)
        rows += found
    if "statistical" in levels:
        found = _statistical(
            claim,
            measurement,
            1.0 - confidence,
            samples,
            points,
            resolution,
            typed,
            clock,
            sizes,
        )
        stopped["statistical"] = [row["samples"] for row in found]
        rows += found
    columns = [
        "level",
        *claim.domain.axes,
        *("measured", "law", "low", "high", "samples", "verdict", "why"),
    ]
    table = pd.DataFrame(rows, columns=columns)
    conditions = {
        "confidence": confidence,
        "samples": samples,
        "points": points,
        "exact_points": exact_points,
        "resolution": resolution,
        "ladder": seen_at(claim, measurement) if "exact" in levels else None,
        "key": key_text(typed),
        "levels": list(levels),
        **provenance(),
    }
    return Certificate(claim, _verdict(rows), table, conditions, stopped)


def certify_all(
    claims: Iterable[Claim | str | tuple[Claim, Measurement]],
    *,
    confidence: float = 0.999,
    time_limit: float | None = None,
    **settings: Any,
) -> list[Certificate]:
    """Check several claims so that the confidence is that of all their reports together.

    Each gets an equal part of the error probability; ``time_limit`` is for all. A claim of one's
    own comes as a pair with its measurement. The other arguments are those of :func:`certify`.

    Example:
        >>> import boostsim as bs
        >>> reports = certify_all(["T5.bound", "T10"], levels="exact", exact_points=2)
        >>> [report.verdict for report in reports]
        ['holds', 'holds']
    """
    listed = several("claims", "claims or their names", claims, (str, Claim))
    pairs = [entry if isinstance(entry, tuple) else (entry, None) for entry in listed]
    for pair in pairs:
        if len(pair) != 2:
            raise refuse("claims", "claims, their names, or pairs with a measurement", pair)
    chosen = [both(*pair) for pair in pairs]
    confidence = between_0_and_1("confidence", confidence)
    clock = Clock(time_limit)
    each = 1.0 - (1.0 - confidence) / max(len(chosen), 1)

    def one(pair: tuple[Claim, Measurement]) -> Certificate:
        return certify(*pair, confidence=each, time_limit=clock.left, **settings)

    if len(chosen) == 1:
        # On the main thread, where its own progress is seen.
        return [one(chosen[0])]
    # Compilation takes one thread and waits for nobody: claims side by side use every core.
    with ThreadPoolExecutor(WORKERS) as threads:
        return list(track(threads.map(one, chosen), "claims", len(chosen)))


def named(name: str) -> Claim:
    """Return the claim of that name.

    Raises:
        ValueError: for a name that none has.
    """
    if name not in CLAIMS:
        raise unknown("claim", name, CLAIMS)
    return CLAIMS[name]


def _verdict(rows: list[dict[str, Any]]) -> str:
    """Return the verdict on all rows: laws too small for the draws count where no other is told."""
    told = any(row["level"] == "statistical" and row["verdict"] == "holds" for row in rows)
    return overall([row["verdict"] for row in rows if not (told and row.get("too_small"))])


def both(claim: Claim | str, measurement: Measurement | None) -> tuple[Claim, Measurement]:
    """Return a claim and how it is measured.

    Raises:
        ValueError: where either is missing or is no such thing.
    """
    if isinstance(claim, str):
        claim = named(claim)
    if not isinstance(claim, Claim):
        raise refuse("claim", "a bs.Claim or the name of one of bs.claims", claim)
    if measurement is None:
        if CLAIMS.get(claim.name) is not claim:
            raise refuse(
                "measurement",
                f"given for the claim {claim.name!r}, which is not one of bs.claims",
                None,
                "A bs.Measurement names the procedure and the statistic.",
            )
        measurement = MEASUREMENTS[claim.name]
    if not isinstance(measurement, Measurement):
        raise refuse("measurement", "a bs.Measurement", measurement)
    return claim, measurement


def chosen_levels(levels: Iterable[str]) -> tuple[str, ...]:
    """Return the levels asked for.

    Raises:
        ValueError: for none, or for another word.
    """
    asked = several("levels", "exact, statistical or both", levels)
    chosen = tuple(choice("levels", level, LEVELS) for level in asked)
    if not chosen:
        raise refuse("levels", "exact, statistical or both", levels)
    return chosen


def _row(
    level: str, point: Point, reading: Reading | None, predicted: float, samples: int, why: str = ""
) -> dict[str, Any]:
    if reading is None:
        reading = Reading(np.nan, np.nan, np.nan, "undecided", why)
    told = {"law": predicted, "samples": samples, **reading._asdict()}
    return {"level": level, **point, **told}


def _nowhere(level: str, why: str) -> dict[str, Any]:
    return {"level": level, "samples": 0, "verdict": "inapplicable", "why": why}


def _exact(
    claim: Claim,
    measurement: Measurement,
    count: int,
    rng: np.random.Generator,
    clock: Clock,
    most: int,
) -> list[dict[str, Any]]:
    suits = partial(measurement.applies, "exact")
    if measurement.exact is False:
        return [_nowhere("exact", measurement.why_not)]
    places = [point for point in claim.domain.edges() if suits(point)]
    places += claim.domain.sample(rng, count, suits)
    if not places:
        return [_nowhere("exact", measurement.why_not)]
    rows = []
    for number, point in enumerate(track(places, f"{claim.name}, exact", len(places))):
        if not clock or number >= most:
            rows.append(_row("exact", point, None, np.nan, 0, NO_TIME))
            continue
        with naming(claim, point):
            reading, predicted = read_exactly(claim, measurement, point)
        rows.append(_row("exact", point, reading, predicted, 0))
    return rows


def _statistical(
    claim: Claim,
    measurement: Measurement,
    alpha: float,
    samples: int,
    count: int,
    resolution: float,
    key: jax.Array,
    clock: Clock,
    sizes: list[int] | None,
) -> list[dict[str, Any]]:
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
    rows = []
    draws = jax.random.fold_in(key, DRAWS)
    planned = list(zip(places, plans, strict=True))
    told = f"{claim.name}, statistical"
    for number, (point, looks) in enumerate(track(planned, told, len(planned))):
        level = alpha / (len(places) * len(looks.runs))
        last = None if sizes is None else sizes[number]

        def go_on(size: int, last: int | None = last) -> bool:
            return bool(clock) if last is None else size <= last

        place = jax.random.fold_in(draws, number)
        with naming(claim, point):
            look = look_at(claim, measurement, point, looks, level, resolution, place, go_on)
        reading = look.reading
        if reading is not None and reading.verdict == "undecided" and look.seen < looks.sizes[-1]:
            reading = reading._replace(why=NO_TIME)
        row = _row("statistical", point, reading, look.predicted, look.seen, NO_TIME)
        rows.append({**row, "too_small": look.too_small})
    return rows
