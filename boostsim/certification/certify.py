"""``bs.certify``: a claim against the simulator, exact and statistical, with one verdict."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import pandas as pd

from boostsim.arguments import as_path, choice, finite, refuse, several, unknown, whole
from boostsim.certification.certificate import Certificate
from boostsim.certification.clock import Clock
from boostsim.certification.exact import seen_at
from boostsim.certification.intervals import between_0_and_1
from boostsim.certification.keeping import kept
from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.certification.points import NO_TIME, Kept, exact_rows, sampled_rows
from boostsim.certification.readings import overall
from boostsim.jobs import connected, piece_name
from boostsim.keys import as_key, generator, key_text
from boostsim.progress import track
from boostsim.results import provenance
from boostsim.store import opened
from boostsim.theory.claim import Claim
from boostsim.theory.claims import CLAIMS

LEVELS = ("exact", "statistical")
WORKERS = 2
# Threads that wait for the workers of a scheduler: more claims than that wait for one another.
WAITING = 32
# The stream of the key that says where to look exactly; the others are those of the points.
EXACT_POINTS = 0


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
    folder: str | os.PathLike[str] | None = None,
    scheduler: Any = None,
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
        folder: where the exact part and each look at a statistical point are kept once they are
            finished; a certificate that was stopped goes on there, to the same numbers. Another one
            is refused; after an upgrade it goes on with a warning.
        scheduler: of Dask distributed, whose workers draw at the points, ``"tcp://host:port"`` or a
            ``distributed.Client``; None: here. The numbers are the same.

    Returns:
        A :class:`Certificate`.

    Raises:
        ValueError: for a claim without a measurement, a law that is no number somewhere, a
            statistic outside its bounds, or an argument out of range; for a time limit where points
            are kept or sent (what time allowed is nothing to go on from); for a folder that is in
            use or holds another certificate, and a scheduler that does not answer.

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
    _untimed(time_limit, folder, scheduler)
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
    settings = {
        "confidence": confidence,
        "samples": samples,
        "points": points,
        "exact_points": exact_points,
        "resolution": resolution,
        "key": key_text(typed),
    }
    rows: list[dict[str, Any]] = []
    stopped: dict[str, Any] = {"exact": 0, "statistical": []}
    with (
        kept(folder, claim, measurement, {**settings, "stopped_at": before}) as store,
        connected(scheduler) as client,
    ):
        anywhere = folder is not None or client is not None
        at = Kept(client, store) if anywhere else None
        if "exact" in levels:
            most = whole("stopped_at", before.get("exact", 2**53), 0)
            found = exact_rows(claim, measurement, exact_points, generator(places), clock, most, at)
            stopped["exact"] = sum(row["why"] != NO_TIME for row in found)
            rows += found
        if "statistical" in levels:
            found = sampled_rows(
                claim,
                measurement,
                1.0 - confidence,
                samples,
                points,
                resolution,
                typed,
                clock,
                sizes,
                at,
            )
            stopped["statistical"] = [row["samples"] for row in found]
            rows += found
    columns = [
        "level",
        *claim.domain.axes,
        *("measured", "law", "low", "high", "samples", "verdict", "why"),
    ]
    table = pd.DataFrame(rows, columns=columns)
    typed_text = settings.pop("key")
    conditions = {
        **settings,
        "ladder": seen_at(claim, measurement) if "exact" in levels else None,
        "key": typed_text,
        "levels": list(levels),
        **provenance(),
        **store.resumed,
    }
    return Certificate(claim, _verdict(rows), table, conditions, stopped)


def certify_all(
    claims: Iterable[Claim | str | tuple[Claim, Measurement]],
    *,
    confidence: float = 0.999,
    time_limit: float | None = None,
    folder: str | os.PathLike[str] | None = None,
    scheduler: Any = None,
    **settings: Any,
) -> list[Certificate]:
    """Check several claims so that the confidence is that of all their reports together.

    Each gets an equal part of the error probability; ``time_limit`` is for all. A claim of one's
    own comes as a pair with its measurement. In a folder each claim has one of its own; a scheduler
    is given the points of all claims. The other arguments are those of :func:`certify`.

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

    _untimed(time_limit, folder, scheduler)
    top = None if folder is None else as_path("folder", folder)
    # One name for each, though a claim may come twice.
    often: Counter[str] = Counter()
    homes = []
    for claim, _ in chosen:
        often[claim.name] += 1
        named_so = piece_name(claim.name, str(often[claim.name]))
        homes.append(None if top is None else top / named_so)
    with opened(top, {"kind": "set of certificates"}), connected(scheduler) as client:

        def one(pair: tuple[Claim, Measurement], home: Path | None) -> Certificate:
            return certify(
                *pair,
                confidence=each,
                time_limit=clock.left,
                folder=home,
                scheduler=client,
                **settings,
            )

        if len(chosen) == 1:
            # On the main thread, where its own progress is seen.
            return [one(chosen[0], homes[0])]
        # Compilation takes one thread and waits for nobody: claims side by side use every core.
        workers = WORKERS if client is None else min(max(len(chosen), 1), WAITING)
        with ThreadPoolExecutor(workers) as threads:
            return list(track(threads.map(one, chosen, homes), "claims", len(chosen)))


def named(name: str) -> Claim:
    """Return the claim of that name.

    Raises:
        ValueError: for a name that none has.
    """
    if name not in CLAIMS:
        raise unknown("claim", name, CLAIMS)
    return CLAIMS[name]


def _untimed(time_limit: float | None, folder: Any, scheduler: Any) -> None:
    """Refuse a time limit where points are kept or sent: what time allowed is no piece."""
    if time_limit is not None and (folder is not None or scheduler is not None):
        raise refuse("time_limit", "None with a folder or a scheduler", time_limit)


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
